"""Attention over time and over space, written with keras.ops so that every backend of Keras 3 runs it."""

from typing import Any

import keras
from keras import layers

from wfci_sleep.models.size import CBAM_KERNEL, CBAM_REDUCTION, SIMAM_REGULARISATION

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("wfci_sleep")
class TemporalAttention(layers.Layer):
    """Additive attention over time (Bahdanau et al. 2015) with a single query for the whole sequence.

    score(t) = sum(scale * tanh(W_q q + W_k x_t)); the weights are the softmax of the scores over t, the context is the
    mean of the sequence under these weights.

    Parameters
    ----------
    units : int
        Width of query and keys.

    Notes
    -----
    Called on `(query, sequence)` of shapes (batch, features) and (batch, T, channels); returns the context
    (batch, channels) and the weights (batch, T), which sum to 1 over T.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.query_projection = layers.Dense(units, use_bias=False, name="query", dtype=self.dtype_policy)
        self.key_projection = layers.Dense(units, use_bias=False, name="key", dtype=self.dtype_policy)
        self.additive_attention = layers.AdditiveAttention(name="additive", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[Shape, Shape]) -> None:
        query_shape, sequence_shape = input_shape
        projected_query = (query_shape[0], 1, self.units)
        projected_keys = (*sequence_shape[:2], self.units)
        self.query_projection.build((query_shape[0], 1, query_shape[-1]))
        self.key_projection.build(sequence_shape)
        self.additive_attention.build([projected_query, sequence_shape, projected_keys])

    def call(self, inputs: tuple[keras.KerasTensor, keras.KerasTensor]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        query, sequence = inputs
        query = self.query_projection(keras.ops.expand_dims(query, 1))
        keys = self.key_projection(sequence)
        context, weights = self.additive_attention([query, sequence, keys], return_attention_scores=True)
        return keras.ops.squeeze(context, 1), keras.ops.squeeze(weights, 1)

    def compute_output_shape(self, input_shape: tuple[Shape, Shape]) -> tuple[Shape, Shape]:
        _, (batch, length, channels) = input_shape
        return (batch, channels), (batch, length)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("wfci_sleep")
class TemporalMean(layers.Layer):
    """Mean over time in place of attention: every frame has the same weight.

    Notes
    -----
    Called on a sequence (batch, T, channels); like `TemporalAttention` it returns the context (batch, channels) and the
    weights (batch, T), here all 1 / T.
    """

    def call(self, sequence: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        weights = keras.ops.ones_like(sequence[:, :, 0]) / sequence.shape[1]
        return keras.ops.mean(sequence, axis=1), weights

    def compute_output_shape(self, input_shape: Shape) -> tuple[Shape, Shape]:
        batch, length, channels = input_shape
        return (batch, channels), (batch, length)


@keras.saving.register_keras_serializable("wfci_sleep")
class SimAM(layers.Layer):
    """Attention that weights each value by its distance from its channel's mean (SimAM, Yang et al. 2021, ICML).

    In each channel of a map, d = (x - mean)^2 and v = sum d / (HW - 1); the output is
    x * sigmoid(d / (4 (v + regularisation)) + 0.5). It has no trainable parameters.

    Parameters
    ----------
    regularisation : float
        The paper's lambda.

    Notes
    -----
    Called on maps (batch, rows, columns, channels); returns maps of the same shape.
    """

    def __init__(self, regularisation: float = SIMAM_REGULARISATION, **kwargs: Any):
        super().__init__(**kwargs)
        self.regularisation = regularisation

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        _, rows, columns, _ = maps.shape
        # Sums of squares over a map need full precision.
        maps = keras.ops.cast(maps, self.variable_dtype)
        deviations = keras.ops.square(maps - keras.ops.mean(maps, axis=(1, 2), keepdims=True))
        # For a map of one pixel the divisor would be zero.
        variance = keras.ops.sum(deviations, axis=(1, 2), keepdims=True) / max(rows * columns - 1, 1)
        gated = maps * keras.ops.sigmoid(deviations / (4 * (variance + self.regularisation)) + 0.5)
        return keras.ops.cast(gated, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "regularisation": self.regularisation}


@keras.saving.register_keras_serializable("wfci_sleep")
class CBAM(layers.Layer):
    """Attention over the channels, then over the pixels of a map (CBAM, Woo et al. 2018, ECCV).

    The channels' gate is sigmoid(MLP(mean over pixels) + MLP(maximum over pixels)), with one two-layer MLP for both;
    the pixels' gate is sigmoid(convolution of [mean over channels, maximum over channels]). As in the paper's formulas,
    no layer has a bias.

    Parameters
    ----------
    reduction : int
        Channels of the map per unit of the MLP's hidden layer, which has at least one unit.
    kernel : int
        Side of the convolution.

    Notes
    -----
    Called on maps (batch, rows, columns, channels); returns maps of the same shape.
    """

    def __init__(self, reduction: int = CBAM_REDUCTION, kernel: int = CBAM_KERNEL, **kwargs: Any):
        super().__init__(**kwargs)
        self.reduction = reduction
        self.kernel = kernel
        options = {"use_bias": False, "dtype": self.dtype_policy}
        self.pixel_gate = layers.Conv2D(1, kernel, padding="same", activation="sigmoid", name="pixel_gate", **options)

    def build(self, input_shape: tuple[int, ...]) -> None:
        channels = input_shape[-1]
        hidden = max(channels // self.reduction, 1)
        options = {"use_bias": False, "dtype": self.dtype_policy}
        self.squeeze = layers.Dense(hidden, activation="relu", name="squeeze", **options)
        self.excite = layers.Dense(channels, name="excite", **options)
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))
        self.pixel_gate.build((*input_shape[:-1], 2))

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        over_pixels = keras.ops.mean(maps, axis=(1, 2)), keras.ops.max(maps, axis=(1, 2))
        of_mean, of_maximum = (self.excite(self.squeeze(values)) for values in over_pixels)
        channel_gate = keras.ops.sigmoid(of_mean + of_maximum)
        maps = maps * channel_gate[:, None, None, :]
        over_channels = [keras.ops.mean(maps, axis=-1, keepdims=True), keras.ops.max(maps, axis=-1, keepdims=True)]
        return maps * self.pixel_gate(keras.ops.concatenate(over_channels, axis=-1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction, "kernel": self.kernel}
