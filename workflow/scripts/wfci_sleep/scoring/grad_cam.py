"""Explanations of a network: Grad-CAM over its feature map, attention over time where it has some.

Only gradients depend on the Keras backend.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.models.registry import kind_of_network

Tensor: TypeAlias = Any
"""A tensor of the Keras backend in use; the backends' tensors have no type in common."""

Tensors: TypeAlias = tuple[Tensor, ...]
"""Feature map, the gradient of the score by it, probabilities, and attention weights of a network that has some."""

WINNING = -1
"""Stands for a class index: the class with the highest probability."""


def grad_cam_weights(feature_map: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Weights of the channels by Grad-CAM (Selvaraju et al. 2017, eq. 1): mean of the gradient over the map.

    Parameters
    ----------
    feature_map : array of float32, shape (n, h, w, channels)
    gradient : array of float32, shape (n, h, w, channels)
        Of the class score by the feature map.

    Returns
    -------
    array of float32, shape (n, channels)
    """
    return gradient.mean(axis=(1, 2))


def grad_cam_plus_plus_weights(feature_map: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Weights of the channels by Grad-CAM++ (Chattopadhay et al. 2018, eqs. 5, 10 and 11), for exp(class score).

    Sum over the map of ReLU(g) g^2 / (2 g^2 + S g^3), where g is the gradient and S the channel's sum over its map. The
    factor exp(class score) is left out, as it is the same for a whole example. Parameters and return value are those of
    `grad_cam_weights`.
    """
    positive = np.maximum(gradient, 0)
    denominator = 2 + feature_map.sum(axis=(1, 2), keepdims=True) * positive
    return np.divide(positive, denominator, out=np.zeros_like(positive), where=denominator != 0).sum(axis=(1, 2))


METHODS = {"gradcam": grad_cam_weights, "gradcam_plus_plus": grad_cam_plus_plus_weights}
"""Method -> function that weights the channels of the feature map."""


class Explanation(NamedTuple):
    """Scores and explanations of a batch of windows.

    Attributes
    ----------
    probabilities : array of float32, shape (batch, classes)
        Two columns for a sigmoid output.
    attention : array of float32, shape (batch, T), or None
        Weights over time; they sum to 1. None for a network without attention.
    heat : dict of method to array of float32, shape (batch, n, h, w)
        For each of `METHODS` the ReLU of the weighted sum of the feature map's channels, scaled to 0..1 over each
        example. n maps a window: T of frames, 1 of visibility graphs.
    """

    probabilities: np.ndarray
    attention: np.ndarray | None
    heat: dict[str, np.ndarray]


class Explainer:
    """Explains a network. It is cut at its last feature map, so that the encoder runs once for all explanations.

    Parameters
    ----------
    model : keras.Model
        As made by `build_network`.

    Attributes
    ----------
    attends : bool
        Whether the network has attention over time.
    length : int
        T, the length of its windows in frames.
    """

    def __init__(self, model: keras.Model):
        kind = kind_of_network(model)
        self.title, self.attends, self.length = kind.title, kind.attention is not None, model.input.shape[1]
        feature_map = model.get_layer(kind.feature_map).output
        # An attention layer gives the context and the weights.
        weights = model.get_layer(kind.attention).output[1:] if self.attends else ()
        self.encoder = keras.Model(model.input, feature_map)
        self.head = keras.Model(feature_map, [model.output, *weights])

    def explain(self, windows: np.ndarray, class_index: np.ndarray | int = WINNING) -> Explanation:
        """Probabilities, attention weights and class activation maps of a batch, in one forward pass.

        Parameters
        ----------
        windows : array of float32, shape (batch, *shape of a window)
            Frames (T, rows, columns) or visibility graphs (T, T, parcels).
        class_index : array of int, shape (batch,), or int
            The class whose probability is explained; the winning class unless given.
        """
        batch = len(windows)
        class_index = np.broadcast_to(np.asarray(class_index, dtype=np.int32), (batch,))
        tensors = self._run(keras.ops.convert_to_tensor(windows), keras.ops.convert_to_tensor(class_index))
        feature_map, gradient, probabilities, *attention = map(keras.ops.convert_to_numpy, tensors)
        heat = {name: _heat(feature_map, weigh(feature_map, gradient), batch) for name, weigh in METHODS.items()}
        return Explanation(probabilities, attention[0] if self.attends else None, heat)

    def attention_weights(self, windows: np.ndarray) -> np.ndarray:
        """Attention weights of a batch, shape (batch, T); they sum to 1 over T.

        Raises
        ------
        InputError
            If the network has no attention over time.
        """
        if not self.attends:
            raise InputError(f"the network is of the kind {self.title}, which has no attention over time to explain")
        _, weights = self.head(self.encoder(keras.ops.convert_to_tensor(windows), training=False), training=False)
        return keras.ops.convert_to_numpy(weights)

    def _score(self, feature_map: Tensor, class_index: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Sum of the chosen classes' probabilities over the batch; all probabilities and attention weights beside."""
        scores = self.head(feature_map, training=False)
        # Keras gives a single output as it is, several as a list.
        output, *weights = scores if self.attends else [scores]
        probabilities = keras.ops.concatenate([1 - output, output], axis=-1) if output.shape[-1] == 1 else output
        winning = keras.ops.cast(keras.ops.argmax(probabilities, axis=-1), "int32")
        chosen = keras.ops.where(class_index == WINNING, winning, class_index)
        selection = keras.ops.one_hot(chosen, probabilities.shape[-1], dtype=probabilities.dtype)
        return keras.ops.sum(probabilities * selection), (probabilities, *weights)

    @cached_property
    def _run(self) -> Callable[[Tensor, Tensor], Tensors]:
        """Function of windows and class indices, for the backend in use."""
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            # Compiled, as the LSTM's loop over time is slow in eager mode; one trace serves every batch size.
            signature = [tf.TensorSpec(self.encoder.input.shape, tf.float32), tf.TensorSpec((None,), tf.int32)]
            return tf.function(self._run_tensorflow, input_signature=signature)
        return {"jax": self._run_jax, "torch": self._run_torch}[backend]

    def _run_tensorflow(self, windows: Tensor, class_index: Tensor) -> Tensors:
        import tensorflow as tf

        feature_map = self.encoder(windows, training=False)
        with tf.GradientTape() as tape:
            tape.watch(feature_map)
            score, scores = self._score(feature_map, class_index)
        return feature_map, tape.gradient(score, feature_map), *scores

    def _run_jax(self, windows: Tensor, class_index: Tensor) -> Tensors:
        import jax

        feature_map = self.encoder(windows, training=False)
        differentiate = jax.value_and_grad(self._score, has_aux=True)
        (_, scores), gradient = differentiate(feature_map, class_index)
        return feature_map, gradient, *scores

    def _run_torch(self, windows: Tensor, class_index: Tensor) -> Tensors:
        import torch

        feature_map = self.encoder(windows, training=False).detach().requires_grad_(True)
        score, scores = self._score(feature_map, class_index)
        (gradient,) = torch.autograd.grad(score, feature_map)
        return feature_map, gradient, *scores


def _heat(feature_map: np.ndarray, channel_weights: np.ndarray, batch: int) -> np.ndarray:
    heat = np.maximum(np.einsum("nhwc,nc->nhw", feature_map, channel_weights), 0)
    heat = heat.reshape(batch, -1, *heat.shape[1:])
    lowest = heat.min(axis=(1, 2, 3), keepdims=True)
    span = heat.max(axis=(1, 2, 3), keepdims=True) - lowest
    return np.divide(heat - lowest, span, out=np.zeros_like(heat), where=span > 0)


def grad_cam(
    model: keras.Model, windows: np.ndarray, class_index: np.ndarray | int, method: str = "gradcam"
) -> np.ndarray:
    """Class activation maps of a batch of windows.

    Parameters
    ----------
    model : keras.Model
    windows, class_index
        As for `Explainer.explain`.
    method : {"gradcam", "gradcam_plus_plus"}

    Returns
    -------
    array of float32, shape (batch, n, h, w)
        0..1, before resizing; n maps a window: T of frames, 1 of visibility graphs.
    """
    return Explainer(model).explain(windows, class_index).heat[method]


def attention_weights(model: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Attention weights of a batch of windows.

    Parameters
    ----------
    model : keras.Model
    windows : array of float32, shape (batch, *shape of a window)

    Returns
    -------
    array of float32, shape (batch, T)
        They sum to 1 over T.

    Raises
    ------
    InputError
        If the network has no attention over time.
    """
    return Explainer(model).attention_weights(windows)
