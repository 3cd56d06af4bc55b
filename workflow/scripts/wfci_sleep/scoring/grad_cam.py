"""Explanations of a network: Grad-CAM over space, attention over time. Only gradients depend on the Keras backend."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np

from wfci_sleep.models.registry import kind_of_network

Tensor: TypeAlias = Any
"""A tensor of the Keras backend in use; the backends' tensors have no type in common."""

Tensors: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""Probabilities, attention weights, feature map, and the gradient of the score by it."""

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
    attention : array of float32, shape (batch, T)
        Weights over time; they sum to 1.
    heat : dict of method to array of float32, shape (batch, T, h, w)
        For each of `METHODS` the ReLU of the weighted sum of the feature map's channels, scaled to 0..1 over each
        example.
    """

    probabilities: np.ndarray
    attention: np.ndarray
    heat: dict[str, np.ndarray]


class Explainer:
    """Explains a network. It is cut at its last feature map, so that the encoder runs once for all explanations.

    Parameters
    ----------
    model : keras.Model
        As made by `build_network`.
    """

    def __init__(self, model: keras.Model):
        self.length = model.input.shape[1]
        kind = kind_of_network(model)
        feature_map = model.get_layer(kind.feature_map).output
        _, attention = model.get_layer(kind.attention).output
        self.encoder = keras.Model(model.input, feature_map)
        self.head = keras.Model(feature_map, [model.output, attention])

    def explain(self, frames: np.ndarray, class_index: np.ndarray | int = WINNING) -> Explanation:
        """Probabilities, attention weights and class activation maps of a batch, in one forward pass.

        Parameters
        ----------
        frames : array of float32, shape (batch, T, rows, columns)
        class_index : array of int, shape (batch,), or int
            The class whose probability is explained; the winning class unless given.
        """
        class_index = np.broadcast_to(np.asarray(class_index, dtype=np.int32), (len(frames),))
        tensors = self._run(keras.ops.convert_to_tensor(frames), keras.ops.convert_to_tensor(class_index))
        probabilities, attention, feature_map, gradient = map(keras.ops.convert_to_numpy, tensors)
        heat = {name: self._heat(feature_map, weigh(feature_map, gradient)) for name, weigh in METHODS.items()}
        return Explanation(probabilities, attention, heat)

    def attention_weights(self, frames: np.ndarray) -> np.ndarray:
        """Attention weights of a batch, shape (batch, T); they sum to 1 over T."""
        _, weights = self.head(self.encoder(keras.ops.convert_to_tensor(frames), training=False), training=False)
        return keras.ops.convert_to_numpy(weights)

    def _heat(self, feature_map: np.ndarray, channel_weights: np.ndarray) -> np.ndarray:
        heat = np.maximum(np.einsum("nhwc,nc->nhw", feature_map, channel_weights), 0)
        heat = heat.reshape(-1, self.length, *heat.shape[1:])
        lowest = heat.min(axis=(1, 2, 3), keepdims=True)
        span = heat.max(axis=(1, 2, 3), keepdims=True) - lowest
        return np.divide(heat - lowest, span, out=np.zeros_like(heat), where=span > 0)

    def _score(self, feature_map: Tensor, class_index: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Sum of the chosen classes' probabilities over the batch; all probabilities and attention weights beside."""
        output, weights = self.head(feature_map, training=False)
        probabilities = keras.ops.concatenate([1 - output, output], axis=-1) if output.shape[-1] == 1 else output
        winning = keras.ops.cast(keras.ops.argmax(probabilities, axis=-1), "int32")
        chosen = keras.ops.where(class_index == WINNING, winning, class_index)
        selection = keras.ops.one_hot(chosen, probabilities.shape[-1], dtype=probabilities.dtype)
        return keras.ops.sum(probabilities * selection), (probabilities, weights)

    @cached_property
    def _run(self) -> Callable[[Tensor, Tensor], Tensors]:
        """Function of frames and class indices, for the backend in use."""
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            # Compiled, as the LSTM's loop over time is slow in eager mode; one trace serves every batch size.
            signature = [tf.TensorSpec(self.encoder.input.shape, tf.float32), tf.TensorSpec((None,), tf.int32)]
            return tf.function(self._run_tensorflow, input_signature=signature)
        return {"jax": self._run_jax, "torch": self._run_torch}[backend]

    def _run_tensorflow(self, frames: Tensor, class_index: Tensor) -> Tensors:
        import tensorflow as tf

        feature_map = self.encoder(frames, training=False)
        with tf.GradientTape() as tape:
            tape.watch(feature_map)
            score, (probabilities, weights) = self._score(feature_map, class_index)
        return probabilities, weights, feature_map, tape.gradient(score, feature_map)

    def _run_jax(self, frames: Tensor, class_index: Tensor) -> Tensors:
        import jax

        feature_map = self.encoder(frames, training=False)
        differentiate = jax.value_and_grad(self._score, has_aux=True)
        (_, (probabilities, weights)), gradient = differentiate(feature_map, class_index)
        return probabilities, weights, feature_map, gradient

    def _run_torch(self, frames: Tensor, class_index: Tensor) -> Tensors:
        import torch

        feature_map = self.encoder(frames, training=False).detach().requires_grad_(True)
        score, (probabilities, weights) = self._score(feature_map, class_index)
        (gradient,) = torch.autograd.grad(score, feature_map)
        return probabilities, weights, feature_map, gradient


def grad_cam(
    model: keras.Model, frames: np.ndarray, class_index: np.ndarray | int, method: str = "gradcam"
) -> np.ndarray:
    """Class activation maps of a batch of windows.

    Parameters
    ----------
    model : keras.Model
    frames, class_index
        As for `Explainer.explain`.
    method : {"gradcam", "gradcam_plus_plus"}

    Returns
    -------
    array of float32, shape (batch, T, h, w)
        0..1, before resizing.
    """
    return Explainer(model).explain(frames, class_index).heat[method]


def attention_weights(model: keras.Model, frames: np.ndarray) -> np.ndarray:
    """Attention weights of a batch of windows.

    Parameters
    ----------
    model : keras.Model
    frames : array of float32, shape (batch, T, rows, columns)

    Returns
    -------
    array of float32, shape (batch, T)
        They sum to 1 over T.
    """
    return Explainer(model).attention_weights(frames)
