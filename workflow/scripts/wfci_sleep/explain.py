"""What a network looked at: Grad-CAM over space, attention over time. In Keras 3 alone, but for the gradient itself."""

from functools import cached_property

import keras
import numpy as np

from wfci_sleep.model import FEATURE_MAP, TEMPORAL_ATTENTION

WINNING = -1
"""In place of a class index: the class with the highest probability."""


class Explainer:
    """A network cut at its last feature map, so that one run of the encoder serves every question.

    Parameters
    ----------
    model : keras.Model
        As made by `build_network`.
    """

    def __init__(self, model: keras.Model):
        self.length = model.input.shape[1]
        feature_map = model.get_layer(FEATURE_MAP).output
        _, attention = model.get_layer(TEMPORAL_ATTENTION).output
        self.encoder = keras.Model(model.input, feature_map)
        self.head = keras.Model(feature_map, [model.output, attention])

    def explain(self, frames: np.ndarray, class_index: np.ndarray | int = WINNING):
        """Probabilities, attention weights and Grad-CAM of a batch in one forward run.

        Parameters
        ----------
        frames : array of float32, shape (batch, T, rows, columns)
        class_index : array of int, shape (batch,), or int
            The class whose score is explained; the winning class unless given.

        Returns
        -------
        probabilities : array of float32, shape (batch, classes)
            Two columns for a sigmoid output.
        weights : array of float32, shape (batch, T)
        heat : array of float32, shape (batch, T, h, w)
            Grad-CAM (Selvaraju et al. 2017) on the feature map: ReLU of the channels' sum, each weighted by the mean of
            the class score's gradient over its map at that time; scaled to 0..1 over the example.
        """
        class_index = np.broadcast_to(np.asarray(class_index, dtype=np.int32), (len(frames),))
        tensors = self._run(keras.ops.convert_to_tensor(frames), keras.ops.convert_to_tensor(class_index))
        probabilities, weights, feature_map, gradient = map(keras.ops.convert_to_numpy, tensors)
        return probabilities, weights, self._heat(feature_map, gradient)

    def attention_weights(self, frames: np.ndarray) -> np.ndarray:
        """Attention weights of a batch, shape (batch, T); they sum to 1 over T."""
        _, weights = self.head(self.encoder(keras.ops.convert_to_tensor(frames), training=False), training=False)
        return keras.ops.convert_to_numpy(weights)

    def _heat(self, feature_map: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        channel_weights = gradient.mean(axis=(1, 2))
        heat = np.maximum(np.einsum("nhwc,nc->nhw", feature_map, channel_weights), 0)
        heat = heat.reshape(-1, self.length, *heat.shape[1:])
        lowest = heat.min(axis=(1, 2, 3), keepdims=True)
        span = heat.max(axis=(1, 2, 3), keepdims=True) - lowest
        return np.divide(heat - lowest, span, out=np.zeros_like(heat), where=span > 0)

    def _score(self, feature_map, class_index):
        """Sum over the batch of the chosen classes' scores, to differentiate; probabilities and attention weights."""
        output, weights = self.head(feature_map, training=False)
        probabilities = keras.ops.concatenate([1 - output, output], axis=-1) if output.shape[-1] == 1 else output
        winning = keras.ops.cast(keras.ops.argmax(probabilities, axis=-1), "int32")
        chosen = keras.ops.where(class_index == WINNING, winning, class_index)
        selection = keras.ops.one_hot(chosen, probabilities.shape[-1], dtype=probabilities.dtype)
        return keras.ops.sum(probabilities * selection), (probabilities, weights)

    @cached_property
    def _run(self):
        """Function (frames, class index) -> probabilities, weights, feature map, gradient of the score by it."""
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            # Compiled, because the LSTM's loop over time is slow when run eagerly; one trace for any batch size.
            shape = tf.TensorSpec((None, *self.encoder.input.shape[1:]), tf.float32)
            return tf.function(self._run_tensorflow, input_signature=[shape, tf.TensorSpec((None,), tf.int32)])
        return {"jax": self._run_jax, "torch": self._run_torch}[backend]

    def _run_tensorflow(self, frames, class_index):
        import tensorflow as tf

        feature_map = self.encoder(frames, training=False)
        with tf.GradientTape() as tape:
            tape.watch(feature_map)
            score, (probabilities, weights) = self._score(feature_map, class_index)
        return probabilities, weights, feature_map, tape.gradient(score, feature_map)

    def _run_jax(self, frames, class_index):
        import jax

        feature_map = self.encoder(frames, training=False)
        differentiate = jax.value_and_grad(self._score, has_aux=True)
        (_, (probabilities, weights)), gradient = differentiate(feature_map, class_index)
        return probabilities, weights, feature_map, gradient

    def _run_torch(self, frames, class_index):
        import torch

        feature_map = self.encoder(frames, training=False).detach().requires_grad_(True)
        score, (probabilities, weights) = self._score(feature_map, class_index)
        (gradient,) = torch.autograd.grad(score, feature_map)
        return probabilities, weights, feature_map, gradient


def grad_cam(model: keras.Model, frames: np.ndarray, class_index: np.ndarray | int) -> np.ndarray:
    """Grad-CAM of a batch of windows: float32, shape (batch, T, h, w), in 0..1, before resizing.

    See `Explainer.explain` for the method and the parameters.
    """
    return Explainer(model).explain(frames, class_index)[2]


def attention_weights(model: keras.Model, frames: np.ndarray) -> np.ndarray:
    """Attention weights of a batch of windows, shape (batch, T)."""
    return Explainer(model).attention_weights(frames)
