"""The CNN-BiLSTM: a CNN per frame, a bidirectional LSTM, attention over time.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250.
"""

import os
from collections.abc import Mapping, Sequence

import keras
from keras import layers

from wfci_sleep.attention import CBAM, SimAM, TemporalAttention, TemporalMean

LEAKY_SLOPE = 0.3

FEATURE_MAP = "feature_map"
"""Name of the activation after the last convolution, (batch x T, h, w, channels): what Grad-CAM looks at."""

TEMPORAL_ATTENTION = "temporal_attention"
"""Name of the attention layer, whose second output is the weights (batch, T)."""

SPATIAL_ATTENTION = {"simam": SimAM, "cbam": CBAM}
"""The layer of each `spatial_attention`; `none` has none."""


def build_network(
    model_settings: Mapping, frames_shape: tuple[int, int, int], classes: Sequence[str] | int
) -> keras.Model:
    """Build the CNN-BiLSTM.

    Time is folded into the batch for the convolutions: one copy of each layer sees every frame.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration, complete; see config/README.md.
    frames_shape : (T, rows, columns)
        Shape of a window.
    classes : sequence of str, or int
        Names of the classes, or their number. Two classes give one sigmoid output (the probability of the second).

    Returns
    -------
    keras.Model
        (batch, T, rows, columns) float32 -> class probabilities, (batch, classes) or (batch, 1).
    """
    length, rows, columns = frames_shape
    n_classes = classes if isinstance(classes, int) else len(classes)
    filters, units = model_settings["filters"], model_settings["lstm_units"]
    kernel, pooling = model_settings["kernel"], model_settings["pooling"]

    frames = keras.Input(frames_shape, name="frames")
    maps = keras.ops.reshape(frames, (-1, rows, columns, 1))
    for block, width in enumerate(filters, start=1):
        last = block == len(filters)
        maps = _convolution(maps, width, kernel, f"block{block}_first")
        maps = _convolution(maps, width, kernel, FEATURE_MAP if last else f"block{block}_second")
        if _has_attention(block, model_settings):
            maps = SPATIAL_ATTENTION[model_settings["spatial_attention"]](name=f"block{block}_attention")(maps)
        if not last:
            maps = layers.MaxPooling2D(pooling, padding="same", name=f"block{block}_pool")(maps)
    features = layers.GlobalAveragePooling2D(name="frame_features")(maps)
    sequence = keras.ops.reshape(features, (-1, length, filters[-1]))

    lstm = layers.LSTM(units, dropout=model_settings["dropout"], return_sequences=True, return_state=True)
    sequence, forward, _, backward, _ = layers.Bidirectional(lstm, name="bilstm")(sequence)
    if model_settings["temporal_attention"] == "mean":
        context, _ = TemporalMean(name=TEMPORAL_ATTENTION)(sequence)
    else:
        final_states = layers.Concatenate(name="final_states")([forward, backward])
        context, _ = TemporalAttention(2 * units, name=TEMPORAL_ATTENTION)((final_states, sequence))

    context = layers.Dropout(model_settings["dropout"], name="context_dropout")(context)
    outputs, activation = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    probabilities = layers.Dense(outputs, activation=activation, name="probabilities")(context)
    return keras.Model(frames, probabilities, name="cnn_bilstm")


def _has_attention(block: int, model_settings: Mapping) -> bool:
    blocks = model_settings["spatial_attention_blocks"]
    return model_settings["spatial_attention"] != "none" and (blocks == "all" or block in blocks)


def _convolution(maps, width: int, kernel: int, name: str):
    maps = layers.Conv2D(width, kernel, padding="same", name=f"{name}_convolution")(maps)
    return layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=name)(maps)


def load_network(path: str | os.PathLike) -> keras.Model:
    """Load a trained network (.keras) for inference; the import of this module registers its layers."""
    return keras.saving.load_model(path, compile=False)
