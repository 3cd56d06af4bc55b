"""Losses and class weights."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from wfci_sleep.states import n_outputs


@keras.saving.register_keras_serializable("wfci_sleep")
class SparseFocalCrossentropy(keras.losses.Loss):
    """Keras' categorical focal loss for integer classes; on any backend it equals the loss of the package focal-loss.

    Parameters
    ----------
    n_classes : int
    gamma : float
    """

    def __init__(self, n_classes: int, gamma: float, name: str = "sparse_focal_crossentropy", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.n_classes, self.gamma = n_classes, gamma

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        classes = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), self.n_classes, dtype=y_pred.dtype)
        return keras.losses.categorical_focal_crossentropy(classes, y_pred, alpha=1.0, gamma=self.gamma)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_classes": self.n_classes, "gamma": self.gamma}


def loss_function(settings: Mapping, n_classes: int) -> keras.losses.Loss:
    """The loss by the `training` section: focal (Lin et al. 2017) or cross-entropy, for softmax or sigmoid.

    With TensorFlow the focal loss comes from the package focal-loss, with another backend from Keras.
    """
    binary = n_outputs(n_classes) == 1
    if settings["loss"] == "cross-entropy":
        return keras.losses.BinaryCrossentropy() if binary else keras.losses.SparseCategoricalCrossentropy()
    gamma = settings["gamma"]
    if keras.backend.backend() == "tensorflow":
        from focal_loss import BinaryFocalLoss, SparseCategoricalFocalLoss

        return (BinaryFocalLoss if binary else SparseCategoricalFocalLoss)(gamma=gamma)
    return keras.losses.BinaryFocalCrossentropy(gamma=gamma) if binary else SparseFocalCrossentropy(n_classes, gamma)


def class_weights(labels: np.ndarray, n_classes: int, kind: str) -> dict[int, float] | None:
    """Weights of the classes in the loss: none, or `balanced` (scikit-learn's n / (classes x n of the class))."""
    if kind == "none":
        return None
    found = np.unique(labels)
    weights = compute_class_weight("balanced", classes=found, y=labels)
    # Keras needs a weight for every class, even for one that does not occur in the fold.
    return dict.fromkeys(range(n_classes), 1.0) | dict(zip(found.tolist(), weights.tolist(), strict=True))
