"""Which GPUs a job works on: Snakemake hands out how many, the jobs of a machine agree on which."""

import errno
import os
import random
import socket
import subprocess
import time

VISIBLE = "CUDA_VISIBLE_DEVICES"

_held: list[socket.socket] = []
"""Sockets whose names are the locks: the kernel frees a name when the process ends, however it ends."""


def take_gpus(n: int) -> list[str]:
    """Take `n` free GPUs of this machine for the rest of the process, and hide the others from it.

    Waits while fewer are free. Nothing is chosen where `CUDA_VISIBLE_DEVICES` is set, as a cluster does, or where there
    is no NVIDIA GPU. Call it before TensorFlow has looked for devices.

    Parameters
    ----------
    n : int
        More than the machine has: all of them.

    Returns
    -------
    list of str
        Identifiers of the GPUs taken; empty if none was chosen.
    """
    found = gpus()
    if VISIBLE in os.environ or not found:
        return []
    taken = _take(found, min(n, len(found)))
    # An empty value would show all of them.
    os.environ[VISIBLE] = ",".join(taken) or "-1"
    print(f"GPUs of this job: {', '.join(taken) or 'none'}")
    return taken


def gpus() -> list[str]:
    """Identifiers of this machine's NVIDIA GPUs."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []
    return listed.stdout.split()


def _take(found: list[str], n: int) -> list[str]:
    waited = False
    while True:
        taken: list[str] = []
        for gpu in found:
            if len(taken) < n and _lock(gpu):
                taken.append(gpu)
        if len(taken) == n:
            return taken
        # Two jobs that wait for two GPUs must not keep one each.
        while taken:
            taken.pop()
            _held.pop().close()
        if not waited:
            print(f"waiting for {n} free GPU(s) of {len(found)}")
            waited = True
        time.sleep(random.uniform(0.5, 1.5))


def _lock(gpu: str) -> bool:
    """Lock a GPU, if nobody has, by a name in Linux's abstract namespace of sockets, which leaves no file behind."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0wfci-sleep-{gpu}")
    except OSError as error:
        lock.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    _held.append(lock)
    return True
