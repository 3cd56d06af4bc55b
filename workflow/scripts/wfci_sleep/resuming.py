"""The state of a training on disk: one that is broken off goes on after its last whole pass."""

import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

import keras

from wfci_sleep.files import written_atomically
from wfci_sleep.monitoring import ConfusionMetric


class TrainingState(keras.callbacks.Callback):
    """Keeps all that a training consists of in one file after each pass, and takes it up again.

    Weights, optimiser and the generators of dropout; the best weights so far and the counters of the other callbacks;
    the history. What the order of the data needs is the number of the pass.

    Parameters
    ----------
    path : path
        File of the state; removed by `end`.
    fingerprint : str
        Of everything that the training depends on: the state of another training is not taken up.
    counting : sequence of callbacks
        Callbacks that remember earlier passes. They must come before this one, which overwrites what they start with.
    kappa : ConfusionMetric
        Its counts after a pass are those of the validation.

    Attributes
    ----------
    history : list of dict
        One entry a pass.
    confusion : list of array of int, shape (n_classes, n_classes)
        Confusion matrix of the validation after each pass.
    """

    REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter", "best_weights")

    def __init__(
        self, path: Path, fingerprint: str, counting: Sequence[keras.callbacks.Callback], kappa: ConfusionMetric
    ):
        super().__init__()
        self.path, self.fingerprint, self.counting, self.kappa = Path(path), fingerprint, counting, kappa
        self.history, self.confusion = [], []
        self._found = self._load()

    def _load(self) -> dict | None:
        try:
            with open(self.path, "rb") as file:
                found = pickle.load(file)
        except FileNotFoundError:
            return None
        if found["fingerprint"] != self.fingerprint:
            print(f"{self.path}: state of a training with other settings or data, starting anew")
            return None
        self.history, self.confusion = found["history"], found["confusion"]
        print(f"{self.path}: going on after pass {len(self.history)}")
        return found

    @property
    def stopped(self) -> bool:
        """Whether the training that was found had already ended early."""
        return self._found is not None and self._found["stopped"]

    def _variables(self) -> list:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *self.model.optimizer.variables]

    def on_train_begin(self, logs=None):
        if self._found is None:
            return
        for variable, value in zip(self._variables(), self._found["variables"], strict=True):
            variable.assign(value)
        for callback, remembered in zip(self.counting, self._found["callbacks"], strict=True):
            vars(callback).update(remembered)

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({"pass": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        self.confusion.append(keras.ops.convert_to_numpy(self.kappa.counts).astype(int))
        state = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "confusion": self.confusion,
            "stopped": self.model.stop_training,
            "variables": [keras.ops.convert_to_numpy(variable) for variable in self._variables()],
            "callbacks": [
                {name: value for name, value in vars(callback).items() if name in self.REMEMBERED}
                for callback in self.counting
            ],
        }
        with written_atomically(self.path) as temporary, open(temporary, "wb") as file:
            pickle.dump(state, file)

    def end(self) -> None:
        """Forget the state: the training's results are on disk."""
        self.path.unlink(missing_ok=True)


def fingerprint(*parts: object) -> str:
    """SHA-256 of what a training depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
