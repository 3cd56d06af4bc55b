"""What is watched during training: kappa, macro F1 and their confusion matrix, and the progress."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd


@keras.saving.register_keras_serializable("wfci_sleep")
class ConfusionMetric(keras.metrics.Metric):
    """Base of metrics that follow from the confusion matrix of the predictions so far.

    Parameters
    ----------
    n_classes : int
        Number of classes; 2 means a sigmoid output, more a softmax output.

    Attributes
    ----------
    counts : variable of float32, shape (n_classes, n_classes)
        Predictions so far: true class in rows, predicted class in columns.
    """

    def __init__(self, n_classes: int, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.n_classes = n_classes
        self.counts = self.add_weight(shape=(n_classes, n_classes), initializer="zeros", name="counts")

    def update_state(
        self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor, sample_weight: keras.KerasTensor | None = None
    ) -> None:
        truth = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        predicted = keras.ops.argmax(y_pred, -1) if y_pred.shape[-1] > 1 else keras.ops.reshape(y_pred, (-1,)) > 0.5
        truth = keras.ops.one_hot(truth, self.n_classes, dtype=self.dtype)
        predicted = keras.ops.one_hot(keras.ops.cast(predicted, "int32"), self.n_classes, dtype=self.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(truth), predicted))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_classes": self.n_classes}


@keras.saving.register_keras_serializable("wfci_sleep")
class CohenKappa(ConfusionMetric):
    """Cohen's kappa: (agreement - chance agreement) / (1 - chance agreement)."""

    def result(self) -> keras.KerasTensor:
        total = keras.ops.sum(self.counts)
        agreement = keras.ops.trace(self.counts) / total
        chance = keras.ops.sum(keras.ops.sum(self.counts, 0) * keras.ops.sum(self.counts, 1)) / total**2
        return keras.ops.divide_no_nan(agreement - chance, 1 - chance)


@keras.saving.register_keras_serializable("wfci_sleep")
class MacroF1(ConfusionMetric):
    """Mean of the classes' F1 scores; a class that neither occurs nor is predicted counts 0, as in scikit-learn."""

    def result(self) -> keras.KerasTensor:
        hits = keras.ops.diagonal(self.counts)
        return keras.ops.mean(
            keras.ops.divide_no_nan(2 * hits, keras.ops.sum(self.counts, 0) + keras.ops.sum(self.counts, 1))
        )


def confusion_table(matrices: Sequence[np.ndarray], classes: list[str]) -> pd.DataFrame:
    """Confusion matrices, one a training epoch, as a long table: pass (the training epoch), true, predicted, n."""
    index = pd.MultiIndex.from_product(
        [range(1, 1 + len(matrices)), classes, classes], names=["pass", "true", "predicted"]
    )
    return pd.Series(np.ravel(matrices), index, name="n").reset_index()


class Progress(keras.callbacks.Callback):
    """Tells the progress: a line after the first and the last training epoch, and about one a minute between them.

    Parameters
    ----------
    tell : function of a line
    training_epochs : int
        Of the whole training.
    every_s : float
        Seconds between two lines, at least.
    clock : function
        Gives seconds since a fixed time.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        training_epochs: int,
        every_s: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.tell, self.training_epochs, self.every_s, self.clock = tell, training_epochs, every_s, clock

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self._began, self._told, self._n_done = self.clock(), -math.inf, 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        now, number = self.clock(), epoch + 1
        self._n_done += 1
        ended = number == self.training_epochs or self.model.stop_training
        if not ended and now - self._told < self.every_s:
            return
        self._told = now
        left = duration((now - self._began) / self._n_done * (self.training_epochs - number))
        self.tell(
            f"training epoch {number} of {self.training_epochs}, loss {logs['loss']:.3f}, validation loss "
            f"{logs['val_loss']:.3f}, validation kappa {logs['val_kappa']:.2f}, {'ended' if ended else f'{left} left'}"
        )


def duration(seconds: float) -> str:
    """A duration in the largest unit that gives at least two of it.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0, 71.6, 600, 9000, 400_000)]
    ['0 s', '72 s', '10 min', '2.5 h', '4.6 days']
    """
    units = {"days": 86_400, "h": 3600, "min": 60, "s": 1}
    unit, length = next((item for item in units.items() if seconds >= 2 * item[1]), ("s", 1))
    number = seconds / length
    return f"{number:.1f} {unit}" if length >= units["h"] else f"{number:.0f} {unit}"
