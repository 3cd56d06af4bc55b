"""What every step script shares: its output goes to the log, a user's mistake becomes one line, files have records."""

import io
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from wfci_sleep.errors import InputError
from wfci_sleep.files.disk import full_disk
from wfci_sleep.run import made


@contextmanager
def step(snakemake: Any, *modules: str) -> Iterator[Callable[[str], None]]:
    """Run the body of a step script.

    Whatever the step and the libraries below it print lands in the rule's log file. An `InputError` ends the step with
    its one line, in the log and in the terminal, and so does a full disk; any other exception leaves its traceback in
    the log and one line that names the log in the terminal. What libraries keep in the system's temporary folder lies
    beside the log instead, and goes with the step.

    Inputs that the workflow made are compared with their records before the body runs, and the outputs of a step that
    ended well get theirs (`made`).

    Parameters
    ----------
    snakemake : snakemake.script.Snakemake
        The object that Snakemake gives to a script.
    *modules : str
        Full names of modules of the library that the script loads by their names.

    Yields
    ------
    function of a line
        Tells something to the person at the terminal; the log keeps it too.
    """
    log_path = str(snakemake.log[0])
    terminal = os.dup(2)
    with open(log_path, "w", encoding="utf-8") as log, _temporary_folder(f"{log_path}.tmp"):
        # File descriptors, not sys.stdout: C++ libraries write below Python.
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        cast(io.TextIOWrapper, sys.stdout).reconfigure(line_buffering=True)

        def tell(line: str) -> None:
            with suppress(OSError):  # the log's disk may be full
                print(line)
            os.write(terminal, f"{line}\n".encode())

        try:
            made.check_unchanged(snakemake.input)
            made.remove_records(snakemake.output)
            # As the code is now, since it may be changed while the step runs.
            code = made.current_code(getattr(sys.modules["__main__"], "__file__", None), *modules)
            yield tell
            made.keep_records(snakemake.output, snakemake.rule, code)
            message = None
        except InputError as error:
            message = f"error: {error}"
        except KeyboardInterrupt:
            message = f"error: {snakemake.rule} was stopped by Ctrl-C; the same command goes on"
        except Exception as error:
            message = full_disk(error, [*snakemake.output, log_path])
            if message is None:
                traceback.print_exc()
                message = f"{snakemake.rule} stopped: {type(error).__name__}: {error} (traceback in {log_path})"
            message = f"error: {message}"
        finally:
            _restore(terminal)
        if message is not None:
            # Not buffered: what a full disk refuses would be written again when the log is closed.
            with suppress(OSError):
                os.write(log.fileno(), f"{message}\n".encode())
            print(message, file=sys.stderr)
            sys.exit(1)


@contextmanager
def _temporary_folder(folder: str) -> Iterator[None]:
    """Let temporary files lie in a folder of the step's own; what a killed one left goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # without room for a folder the system's has to do
        os.mkdir(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = os.path.abspath(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restore(terminal: int) -> None:
    """Give standard error back to the terminal; lines that a full disk kept out of the log are dropped."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python tries again when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    os.dup2(terminal, 2)
