"""The CNN that encodes single frames, for all frames of a batch at once or slice by slice (gradient checkpointing)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import layers

from wfci_sleep.models.attention import CBAM, SimAM
from wfci_sleep.models.size import LEAKY_SLOPE

SPATIAL_ATTENTION = {"simam": SimAM, "cbam": CBAM}
"""The layer of each `spatial_attention`; `none` has none."""


@keras.saving.register_keras_serializable("wfci_sleep")
class LeakyReLU(layers.LeakyReLU):
    """Keras' layer with a gradient that needs only the output, which has the same sign as the input.

    TensorFlow can then fuse convolution, bias and activation, and keeps half as much for the gradient.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        import tensorflow as tf

        slope = float(self.negative_slope)

        @tf.custom_gradient
        def activate(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            outputs = tf.nn.leaky_relu(inputs, slope)
            return outputs, lambda upstream: tf.raw_ops.LeakyReluGrad(gradients=upstream, features=outputs, alpha=slope)

        return activate(inputs)


@keras.saving.register_keras_serializable("wfci_sleep")
class FrameEncoder(layers.Layer):
    """Blocks of two convolutions and a max pooling, up to the activation after the last convolution.

    Time is folded into the batch: the same layers encode every frame.

    Parameters
    ----------
    filters : sequence of int
        Filters of each block.
    kernel : int
        Side of the convolutions.
    pooling : int
        Side of the max pooling after each block but the last.
    spatial_attention : {"none", "simam", "cbam"}
        Attention between the convolutions and the pooling.
    attention_blocks : sequence of int
        Numbers of the blocks that have it, from 1. Attention of the last block comes after the encoder instead.
    frames_at_once : int, optional
        Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): encode this many frames of a window at a time, and
        recompute their activations for the gradient instead of keeping them. It takes the memory of one slice and a
        third more arithmetic. Without it all frames of the batch are encoded at once.
    dtype : str
        Precision of the convolutions, e.g. `mixed_bfloat16`; weights and output stay float32.

    Notes
    -----
    Called on windows (batch, T, rows, columns); returns maps (batch x T, h, w, channels).
    """

    def __init__(
        self,
        filters: Sequence[int],
        kernel: int,
        pooling: int,
        spatial_attention: str = "none",
        attention_blocks: Sequence[int] = (),
        frames_at_once: int | None = None,
        **kwargs: Any,
    ):
        # No autocast: the convolutions cast their weights, whose gradients are then summed over slices in float32.
        super().__init__(autocast=False, **kwargs)
        self.settings: dict[str, Any] = {
            "filters": list(filters),
            "kernel": kernel,
            "pooling": pooling,
            "spatial_attention": spatial_attention,
            "attention_blocks": list(attention_blocks),
        }
        self.frames_at_once = frames_at_once
        self.network = keras.Sequential(list(self._stack(**self.settings)), name="network")

    def _stack(
        self, filters: Sequence[int], kernel: int, pooling: int, spatial_attention: str, attention_blocks: Sequence[int]
    ) -> Iterator[layers.Layer]:
        dtype = self.dtype_policy
        for block, width in enumerate(filters, start=1):
            for place in ("first", "second"):
                name = f"block{block}_{place}"
                yield layers.Conv2D(width, kernel, padding="same", name=f"{name}_convolution", dtype=dtype)
                yield LeakyReLU(negative_slope=LEAKY_SLOPE, name=name, dtype=dtype)
            if block in attention_blocks:
                yield SPATIAL_ATTENTION[spatial_attention](name=f"block{block}_attention", dtype=dtype)
            if block < len(filters):
                yield layers.MaxPooling2D(pooling, padding="same", name=f"block{block}_pool", dtype=dtype)

    def build(self, input_shape: tuple[int, ...]) -> None:
        _, _, rows, columns = input_shape
        self.network.build((None, rows, columns, 1))

    def call(self, windows: keras.KerasTensor) -> keras.KerasTensor:
        _, length, rows, columns = windows.shape
        if self.frames_at_once is None:
            maps = self.network(keras.ops.reshape(windows, (-1, rows, columns, 1)))
            return keras.ops.cast(maps, self.variable_dtype)
        n_slices = -(-length // self.frames_at_once)
        size = -(-length // n_slices)
        # Frames of zeros fill the last slice; their maps are dropped below.
        filled = keras.ops.pad(windows, [(0, 0), (0, n_slices * size - length), (0, 0), (0, 0)])
        maps = self._encode_slices(keras.ops.reshape(filled, (-1, size, rows, columns, 1)))
        maps = keras.ops.reshape(maps, (-1, n_slices * size, *self.network.output_shape[1:]))[:, :length]
        return keras.ops.reshape(maps, (-1, *self.network.output_shape[1:]))

    def _encode_slices(self, slices: keras.KerasTensor) -> keras.KerasTensor:
        fixed = [variable.value for variable in self.network.non_trainable_variables]

        # The weights are arguments: inside a loop, a recomputed function cannot access variables.
        def encode(frames: keras.KerasTensor, *weights: keras.KerasTensor) -> keras.KerasTensor:
            maps, _ = self.network.stateless_call(weights, fixed, frames)
            return keras.ops.cast(maps, self.variable_dtype)

        recomputing = keras.remat(encode)
        weights = [variable.value for variable in self.network.trainable_variables]
        return _one_after_the_other(lambda frames: recomputing(frames, *weights), slices)

    def compute_output_spec(self, windows: keras.KerasTensor) -> keras.KerasTensor:
        maps = self.network.compute_output_shape((None, *windows.shape[2:], 1))
        return keras.KerasTensor(maps, dtype=self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings, "frames_at_once": self.frames_at_once}


def _one_after_the_other(
    function: Callable[[keras.KerasTensor], keras.KerasTensor], slices: keras.KerasTensor
) -> keras.KerasTensor:
    """`keras.ops.map` with one slice at a time: TensorFlow would run several, which takes the memory of several."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.map_fn(function, slices, parallel_iterations=1)
    return keras.ops.map(function, slices)
