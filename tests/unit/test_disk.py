"""A full disk is called one, wherever it is met."""

import errno
import os
import subprocess
import sys

import pytest
from conftest import mounted

from wfci_sleep.errors import InputError
from wfci_sleep.files import disk
from wfci_sleep.files.atomic import written_atomically


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    with mounted(folder, "2m"):
        yield folder


def fill(folder):
    """Write until nothing more fits, and give what the system says then."""
    with pytest.raises(OSError, match="No space left") as caught, open(folder / "large", "wb", buffering=0) as file:
        while True:
            file.write(bytes(2**16))
    return caught.value


def test_a_full_disk_is_named_with_what_is_free(small_disk):
    error = fill(small_disk)
    line = disk.full_disk(error, [small_disk / "results" / "metrics.tsv", "elsewhere"])
    assert line.startswith(f"{small_disk}: the disk at {small_disk} is full, 0 B of 2.1 MB are free; make room and run")
    assert "\n" not in line
    # A library that speaks of its own trouble, and one that wraps the system's error.
    assert disk.full_disk(RuntimeError("Disable slist on flush dest failure"), [small_disk / "a.h5"]) == line
    try:
        raise ValueError("cannot save") from error
    except ValueError as wrapped:
        assert disk.full_disk(wrapped, [small_disk / "a"]) == line


def test_room_that_was_given_back_does_not_hide_that_the_disk_was_full(small_disk):
    error = fill(small_disk)
    (small_disk / "large").unlink()
    line = disk.full_disk(error, [small_disk / "a"])
    assert "is full, or its quota is used up, now 2.1 MB of 2.1 MB are free" in line
    assert disk.full_disk(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), [small_disk / "a"]) == line


def test_other_errors_are_none_of_the_disks(tmp_path):
    assert disk.full_disk(OSError(errno.EIO, "Input/output error"), [tmp_path / "a"]) is None
    assert disk.full_disk(ValueError("no"), []) is None


def test_what_will_not_fit_is_not_begun(small_disk):
    disk.check_room(small_disk / "a", 10**6)
    with pytest.raises(InputError, match=r"takes 3 MB, the disk at .* has 2.1 MB free; make room and run the same"):
        disk.check_room(small_disk / "folder" / "a", 3 * 10**6)


STEP = """
import sys, tempfile, types
from wfci_sleep.run.step import step
log, output, body = sys.argv[1:]
snakemake = types.SimpleNamespace(rule="score", input=[], output=[output], log=[log], params=types.SimpleNamespace())
with step(snakemake) as tell:
    exec(body)
"""


def run_step(log, output, body):
    command = [sys.executable, "-c", STEP, str(log), str(output), body]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True)


WRITING = "f = open(output, 'wb', buffering=0)\nwhile True: print('written'); f.write(bytes(10**5))"


@pytest.mark.parametrize("body", [WRITING, f"try:\n  exec({WRITING!r})\nexcept OSError: raise RuntimeError('slist')"])
def test_a_step_on_a_full_disk_ends_with_one_line(small_disk, tmp_path, body):
    """Its log may lie on the same disk, and a library may speak of something else."""
    for log in (tmp_path / "log", small_disk / "log"):
        done = run_step(log, small_disk / "model.keras", body)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {small_disk}: the disk at {small_disk} is full")
        assert done.stderr.count("\n") == 1, done.stderr
        (small_disk / "model.keras").unlink()


def test_a_log_without_room_for_one_more_line_is_no_traceback(small_disk):
    body = "import os\nwhile True: os.write(1, bytes(100)); print('x')"
    done = run_step(small_disk / "log", small_disk / "model.keras", body)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {small_disk}: the disk at {small_disk} is full")
    assert done.stderr.count("\n") == 1, done.stderr


def test_temporary_files_go_with_their_step(tmp_path):
    log = tmp_path / "logs" / "fold-1.log"
    log.parent.mkdir()
    (tmp_path / "logs" / "fold-1.log.tmp").mkdir()
    (tmp_path / "logs" / "fold-1.log.tmp" / "of_a_killed_step.py").touch()
    body = (
        "print(tempfile.mkstemp(suffix='of_autograph.py')); import os; print(sorted(os.listdir(tempfile.gettempdir())))"
    )
    assert run_step(log, tmp_path / "a", body).returncode == 0
    assert "logs/fold-1.log.tmp/" in log.read_text()
    assert "killed" not in log.read_text()
    assert [path.name for path in log.parent.iterdir()] == ["fold-1.log"]


def test_what_a_killed_process_left_goes_when_the_file_is_written_again(tmp_path):
    left = [tmp_path / name for name in (".metrics-abcd_123.tsv", ".metrics-zzzzzzzz.tsv")]
    others = [tmp_path / name for name in (".metrics-abcd_123.json", ".metrics-all-abcd_123.tsv", ".metrics-old.tsv")]
    for path in (*left, *others):
        path.touch()
    with written_atomically(tmp_path / "metrics.tsv") as temporary:
        temporary.write_text("done")
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "metrics.tsv"])


def test_a_step_that_is_stopped_says_so_in_one_line(tmp_path):
    done = run_step(tmp_path / "log", tmp_path / "a", "raise KeyboardInterrupt")
    assert done.returncode == 1
    assert done.stderr.endswith("was stopped by Ctrl-C; the same command goes on\n")
    assert "Traceback" not in done.stderr + (tmp_path / "log").read_text()
