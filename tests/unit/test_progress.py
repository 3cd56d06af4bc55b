"""What a training says while it goes on, in the terminal and in TensorBoard."""

import json
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_readme import COMMANDS
from test_training import make_fold, trained, with_training

from wfci_sleep.training.metrics import Progress

LOGS = {"loss": 0.31239, "val_loss": 0.4, "val_kappa": 0.618}


def lines_of(pass_s, passes, first=0, stopped_after=None):
    """What a training says whose passes take so many seconds each, by a clock that jumps."""
    said, clock = [], SimpleNamespace(now=1000.0)
    progress = Progress(said.append, passes, clock=lambda: clock.now)
    progress.set_model(SimpleNamespace(stop_training=False))
    progress.on_train_begin()
    for number in range(first, passes):
        clock.now += pass_s
        progress.model.stop_training = number + 1 == stopped_after
        progress.on_epoch_end(number, LOGS)
        if progress.model.stop_training:
            break
    return said


def test_a_line_a_minute_with_the_first_and_the_last_pass():
    said = lines_of(pass_s=7, passes=200)
    numbers = [int(re.match(r"training epoch (\d+) of 200, ", line).group(1)) for line in said]
    # The first pass that ends a minute or more after the last line.
    assert numbers == [*range(1, 200, 9), 200]
    assert said[0] == ("training epoch 1 of 200, loss 0.312, validation loss 0.400, validation kappa 0.62, 23 min left")
    assert said[1].endswith(", 22 min left")
    assert said[-1].endswith("validation kappa 0.62, ended")


def test_long_passes_are_told_one_by_one_and_short_trainings_twice():
    assert len(lines_of(pass_s=3600, passes=5)) == 5
    assert [line.split(",")[0] for line in lines_of(pass_s=0.1, passes=20)] == [
        "training epoch 1 of 20",
        "training epoch 20 of 20",
    ]
    assert len(lines_of(pass_s=1, passes=1)) == 1


def test_a_training_that_goes_on_counts_from_where_it_was():
    said = lines_of(pass_s=60, passes=200, first=190)
    assert said[0].startswith("training epoch 191 of 200, ")
    assert said[0].endswith(", 9 min left")


def test_a_training_that_is_stopped_early_says_so():
    said = lines_of(pass_s=1, passes=200, stopped_after=30)
    assert len(said) == 2
    assert said[-1].startswith("training epoch 30 of 200, ") and said[-1].endswith(", ended")


@contextmanager
def serving(command):
    """A server that says where it is once it is ready: its address; stopped at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = ""
        while not (address := re.search(r"http://localhost:\d+", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield address.group()
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.slow
def test_a_training_tells_and_tensorboard_shows_its_curves(tmp_path):
    said = []
    folder = tmp_path / "results" / "demo" / "main" / "fold-1"
    trained(make_fold(tmp_path), folder, with_training(passes=2), tell=said.append)
    form = r"training epoch {} of 2, loss \d\.\d{{3}}, validation loss \d\.\d{{3}}, validation kappa -?\d\.\d\d, {}"
    assert len(said) == 2
    assert re.fullmatch(form.format(1, r"\d+ s left"), said[0])
    assert re.fullmatch(form.format(2, "ended"), said[1])

    (command,) = [shlex.split(line) for line in COMMANDS if "tensorboard" in line]
    program, option, logs = command
    assert (program, option) == (".venv/bin/tensorboard", "--logdir")
    command = [str(Path(sys.executable).with_name("tensorboard")), option, str(tmp_path / logs), "--port", "0"]
    with serving(command) as address:
        deadline = time.monotonic() + 60
        curves = {}
        while len(curves) < 2 and time.monotonic() < deadline:
            time.sleep(0.5)
            with urllib.request.urlopen(f"{address}/data/plugin/scalars/tags") as answer:
                curves = json.load(answer)
    assert {"fold-1/tensorboard/train", "fold-1/tensorboard/validation"} == set(curves)
    assert {"epoch_loss", "epoch_kappa"} <= set(curves["fold-1/tensorboard/validation"])
