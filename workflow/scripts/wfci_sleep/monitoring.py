"""What is watched while a network trains: kappa, macro F1 and the confusion matrix behind them."""

from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd


@keras.saving.register_keras_serializable("wfci_sleep")
class ConfusionMetric(keras.metrics.Metric):
    """A number that the confusion matrix of the predictions seen so far gives.

    Parameters
    ----------
    n_classes : int
        Classes of a softmax output; 2 stands for a sigmoid output.

    Attributes
    ----------
    counts : variable of float32, shape (n_classes, n_classes)
        Predictions so far: true class in rows, predicted class in columns.
    """

    def __init__(self, n_classes: int, name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.n_classes = n_classes
        self.counts = self.add_weight(shape=(n_classes, n_classes), initializer="zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        predicted = keras.ops.argmax(y_pred, -1) if y_pred.shape[-1] > 1 else keras.ops.reshape(y_pred, (-1,)) > 0.5
        truth = keras.ops.one_hot(truth, self.n_classes, dtype=self.dtype)
        predicted = keras.ops.one_hot(keras.ops.cast(predicted, "int32"), self.n_classes, dtype=self.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(truth), predicted))

    def get_config(self):
        return {**super().get_config(), "n_classes": self.n_classes}


@keras.saving.register_keras_serializable("wfci_sleep")
class CohenKappa(ConfusionMetric):
    """Cohen's kappa: (agreement - chance agreement) / (1 - chance agreement)."""

    def result(self):
        total = keras.ops.sum(self.counts)
        agreement = keras.ops.trace(self.counts) / total
        chance = keras.ops.sum(keras.ops.sum(self.counts, 0) * keras.ops.sum(self.counts, 1)) / total**2
        return keras.ops.divide_no_nan(agreement - chance, 1 - chance)


@keras.saving.register_keras_serializable("wfci_sleep")
class MacroF1(ConfusionMetric):
    """F1 score, its mean over the classes; a class that is neither there nor predicted counts 0, as in scikit-learn."""

    def result(self):
        hits = keras.ops.diagonal(self.counts)
        return keras.ops.mean(
            keras.ops.divide_no_nan(2 * hits, keras.ops.sum(self.counts, 0) + keras.ops.sum(self.counts, 1))
        )


def confusion_table(matrices: Sequence[np.ndarray], classes: list[str]) -> pd.DataFrame:
    """Confusion matrices, one a pass, as a long table: pass, true, predicted, n."""
    index = pd.MultiIndex.from_product(
        [range(1, 1 + len(matrices)), classes, classes], names=["pass", "true", "predicted"]
    )
    return pd.Series(np.ravel(matrices), index, name="n").reset_index()
