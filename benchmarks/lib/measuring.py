"""Timing that a noisy machine disturbs as little as can be: what is compared takes turns in one process."""

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np


def seconds(function: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def rounds_of(functions: Mapping[str, Callable[[], object]], rounds: int, first: int = 1) -> list[dict[str, float]]:
    """Wall times of functions called in turns, a mapping a round, after `first` rounds that do not count."""
    times = [{name: seconds(function) for name, function in functions.items()} for _ in range(first + rounds)]
    return times[first:]


def in_turns(functions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median wall time of each function, called in turns, after a first round that does not count."""
    times = rounds_of(functions, rounds)
    return {name: float(np.median([one[name] for one in times])) for name in functions}


def waiting_share(batches: Iterator, step: Callable[..., object], steps: int, first: int = 3) -> float:
    """Share of the time that steps wait for their next batch, after `first` ones that do not count."""
    for _ in range(first):
        step(*next(batches))
    waited, started = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        step(*batch)
    return waited / (time.perf_counter() - started)


def peak_memory_gb() -> float:
    """Largest resident memory that this process has had so far."""
    with open("/proc/self/status", encoding="utf-8") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return kilobytes * 1024 / 1e9


def has_bfloat16() -> bool:
    """Whether the processor says that it multiplies in bfloat16."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        flags = next((set(line.split(":")[1].split()) for line in info if line.startswith("flags")), set())
    return bool(flags & {"amx_bf16", "avx512_bf16"})


def print_table(rows: Sequence[tuple[str, str, str]], aim: str) -> None:
    """Print the machine and a Markdown table of (what, measured, aim)."""
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"| what | measured | {aim} |")
    print("|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
