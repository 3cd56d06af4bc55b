"""The CNN-BiLSTM: a CNN per frame, a bidirectional LSTM, attention over time.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250.
"""

import os
from collections.abc import Mapping, Sequence

import keras
from keras import layers

from wfci_sleep.attention import TemporalAttention, TemporalMean
from wfci_sleep.encoder import SPATIAL_ATTENTION, FrameEncoder

FRAME_ENCODER = "frame_encoder"
"""Name of the layer whose output, (batch x T, h, w, channels), is the activation after the last convolution."""

TEMPORAL_ATTENTION = "temporal_attention"
"""Name of the attention layer, whose second output is the weights (batch, T)."""


def build_network(
    model_settings: Mapping,
    frames_shape: tuple[int, int, int],
    classes: Sequence[str] | int,
    precision: str = "float32",
    frames_at_once: int | None = None,
) -> keras.Model:
    """Build the CNN-BiLSTM.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration, see config/README.md. Kernel, pooling and the kinds of attention take
        the published values where it leaves them out.
    frames_shape : (T, rows, columns)
        Shape of a window.
    classes : sequence of str, or int
        Names of the classes, or their number. Two classes give one sigmoid output (the probability of the second).
    precision : {"float32", "mixed_bfloat16", "mixed_float16"}
        Arithmetic of the frame encoder, where nearly all of it is; what follows is float32.
    frames_at_once : int, optional
        See `FrameEncoder`.

    Returns
    -------
    keras.Model
        (batch, T, rows, columns) float32 -> class probabilities, (batch, classes) or (batch, 1).
    """
    length = frames_shape[0]
    n_classes = classes if isinstance(classes, int) else len(classes)
    filters, units = model_settings["filters"], model_settings["lstm_units"]
    n_blocks, kind = len(filters), model_settings.get("spatial_attention", "none")
    blocks = model_settings.get("spatial_attention_blocks", "all")
    blocks = [] if kind == "none" else range(1, n_blocks + 1) if blocks == "all" else blocks

    frames = keras.Input(frames_shape, name="frames")
    maps = FrameEncoder(
        filters,
        model_settings.get("kernel", 3),
        model_settings.get("pooling", 2),
        kind,
        [block for block in blocks if block < n_blocks],
        frames_at_once,
        dtype=precision,
        name=FRAME_ENCODER,
    )(frames)
    if n_blocks in blocks:
        maps = SPATIAL_ATTENTION[kind](name=f"block{n_blocks}_attention")(maps)
    features = layers.GlobalAveragePooling2D(name="frame_features")(maps)
    sequence = keras.ops.reshape(features, (-1, length, filters[-1]))

    lstm = layers.LSTM(units, dropout=model_settings["dropout"], return_sequences=True, return_state=True)
    sequence, forward, _, backward, _ = layers.Bidirectional(lstm, name="bilstm")(sequence)
    if model_settings.get("temporal_attention") == "mean":
        context, _ = TemporalMean(name=TEMPORAL_ATTENTION)(sequence)
    else:
        final_states = layers.Concatenate(name="final_states")([forward, backward])
        context, _ = TemporalAttention(2 * units, name=TEMPORAL_ATTENTION)((final_states, sequence))

    context = layers.Dropout(model_settings["dropout"], name="context_dropout")(context)
    outputs, activation = (1, "sigmoid") if n_classes == 2 else (n_classes, "softmax")
    probabilities = layers.Dense(outputs, activation=activation, name="probabilities")(context)
    return keras.Model(frames, probabilities, name="cnn_bilstm")


def load_network(path: str | os.PathLike) -> keras.Model:
    """Load a trained network (.keras) for inference; the import of this module registers its layers."""
    return keras.saving.load_model(path, compile=False)
