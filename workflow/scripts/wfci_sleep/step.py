"""What every step script shares: its output goes to the log, a user's mistake becomes one line."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wfci_sleep.errors import InputError


@contextmanager
def step(snakemake) -> Iterator[Callable[[str], None]]:
    """Run the body of a step script.

    Whatever the step and the libraries below it print lands in the rule's log file. An `InputError` ends the step with
    its one line, in the log and in the terminal; any other exception leaves its traceback in the log and one line that
    names the log in the terminal.

    Parameters
    ----------
    snakemake : snakemake.script.Snakemake
        The object that Snakemake gives to a script.

    Yields
    ------
    function of a line
        Tells something to the person at the terminal; the log keeps it too.
    """
    log_path = str(snakemake.log[0])
    terminal = os.dup(2)
    with open(log_path, "w", encoding="utf-8") as log:
        # File descriptors, not sys.stdout: C++ libraries write below Python.
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.stdout.reconfigure(line_buffering=True)

        def tell(line: str) -> None:
            print(line)
            os.write(terminal, f"{line}\n".encode())

        try:
            yield tell
            message = None
        except InputError as error:
            message = f"error: {error}"
        except Exception as error:
            traceback.print_exc()
            message = f"error: {snakemake.rule} stopped: {type(error).__name__}: {error} (traceback in {log_path})"
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(terminal, 2)
        if message is not None:
            log.write(message + "\n")
            print(message, file=sys.stderr)
            sys.exit(1)
