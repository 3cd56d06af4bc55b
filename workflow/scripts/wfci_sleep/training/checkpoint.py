"""The state of a training on disk: an interrupted training goes on after its last complete training epoch.

The file is a NumPy archive of plain arrays and a JSON text, followed by their SHA-256. It holds data only, so that
nobody who can write to the folder can make a training run their code, and the checksum shows damage to any byte.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.training.metrics import ConfusionMetric

_TEXT, _ARRAY = "state", "array"
"""Key of the JSON text in the archive, and key that refers to an array in the text."""

_DIGEST_BYTES = hashlib.sha256().digest_size


class TrainingState(keras.callbacks.Callback):
    """Writes the state of a training to one file after each training epoch, and restores it.

    The state is the weights, the optimiser and dropout's random generators; the best weights so far and the counters
    of the other callbacks; the history. The number of the training epoch determines the order of the data.

    Parameters
    ----------
    path : path
        File of the state; `end` removes it.
    fingerprint : str
        Of everything that the training depends on; a state with another fingerprint is ignored.
    counting : sequence of callbacks
        Callbacks that remember earlier training epochs. They must come before this one, which restores their memory.
    kappa : ConfusionMetric
        After a training epoch it holds the confusion matrix of the validation.
    tell : function of a line
        Gets a line about the file that was found.

    Attributes
    ----------
    history : list of dict
        One entry a training epoch, whose number is called `pass` as in history.csv.
    confusion : list of array of int, shape (n_classes, n_classes)
        Confusion matrix of the validation after each training epoch.
    """

    REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter", "best_weights")

    def __init__(
        self,
        path: str | os.PathLike,
        fingerprint: str,
        counting: Sequence[keras.callbacks.Callback],
        kappa: ConfusionMetric,
        tell: Callable[[str], None] = print,
    ):
        super().__init__()
        self.path, self.fingerprint, self.counting, self.kappa = Path(path), fingerprint, counting, kappa
        self.history: list[dict[str, float]] = []
        self.confusion: list[np.ndarray] = []
        self._found = self._load(tell)

    def _load(self, tell: Callable[[str], None]) -> dict | None:
        if not self.path.exists():
            return None
        try:
            found = read_state(self.path)
        except InputError as error:
            tell(f"{error}, starting anew")
            return None
        if found["fingerprint"] != self.fingerprint:
            tell(f"{self.path}: state of a training with other settings or data, starting anew")
            return None
        self.history, self.confusion = found["history"], list(found["confusion"])
        tell(f"{self.path}: going on after training epoch {len(self.history)}")
        return found

    @property
    def stopped(self) -> bool:
        """Whether the restored training had already stopped early."""
        return self._found is not None and self._found["stopped"]

    def _variables(self) -> list:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *self.model.optimizer.variables]

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        if self._found is None:
            return
        for variable, value in zip(self._variables(), self._found["variables"], strict=True):
            variable.assign(value)
        for callback, remembered in zip(self.counting, self._found["callbacks"], strict=True):
            vars(callback).update(remembered)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        self.history.append({"pass": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        self.confusion.append(keras.ops.convert_to_numpy(self.kappa.counts).astype(int))
        state = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "confusion": np.stack(self.confusion),
            "stopped": self.model.stop_training,
            "variables": [keras.ops.convert_to_numpy(variable) for variable in self._variables()],
            "callbacks": [
                {name: value for name, value in vars(callback).items() if name in self.REMEMBERED}
                for callback in self.counting
            ],
        }
        write_state(self.path, state)

    def end(self) -> None:
        """Remove the file, once the training's results are on disk."""
        self.path.unlink(missing_ok=True)


def fingerprint(*parts: object) -> str:
    """SHA-256 of everything that a training depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def write_state(path: str | os.PathLike, state: Mapping[str, Any]) -> None:
    """Write values that JSON can hold, with arrays anywhere among them, atomically."""
    arrays: list[np.ndarray] = []

    def apart(array: np.ndarray) -> dict[str, int]:
        arrays.append(array)
        return {_ARRAY: len(arrays) - 1}

    text = json.dumps(state, default=apart)
    archive = io.BytesIO()
    np.savez(archive, *arrays, allow_pickle=False, **{_TEXT: np.array(text)})
    with written_atomically(path) as temporary:
        temporary.write_bytes(archive.getvalue() + hashlib.sha256(archive.getvalue()).digest())


def read_state(path: str | os.PathLike) -> dict[str, Any]:
    """Read what `write_state` has written.

    Raises
    ------
    InputError
        If the file is damaged or not a training's state.
    """
    content = Path(path).read_bytes()
    content, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    try:
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("its checksum is wrong")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:

            def together(found: dict) -> Any:
                return archive[f"arr_{found[_ARRAY]}"] if found.keys() == {_ARRAY} else found

            return json.loads(str(archive[_TEXT]), object_hook=together)
    except ValueError as error:
        raise InputError(f"{path}: damaged, or not the state of a training ({error})") from error
