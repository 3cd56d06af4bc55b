"""The CNN-BiLSTM: a CNN per frame, a bidirectional LSTM, attention over time.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from wfci_sleep.errors import InputError
from wfci_sleep.models.attention import TemporalAttention, TemporalMean
from wfci_sleep.models.encoder import SPATIAL_ATTENTION, FrameEncoder
from wfci_sleep.models.size import FRAME_ENCODER, TEMPORAL_ATTENTION, attention_blocks
from wfci_sleep.states import n_outputs


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
        The `model` section of the configuration, see config/README.md. Where it leaves out kernel, pooling or a kind of
        attention, the published one is taken.
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

    Raises
    ------
    InputError
        If a kind of attention is not known.
    """
    _check_attention(model_settings)
    length = frames_shape[0]
    n_classes = classes if isinstance(classes, int) else len(classes)
    filters, units = model_settings["filters"], model_settings["lstm_units"]
    n_blocks, kind = len(filters), model_settings.get("spatial_attention", "none")
    blocks = attention_blocks(model_settings)

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
    outputs = n_outputs(n_classes)
    activation = "sigmoid" if outputs == 1 else "softmax"
    probabilities = layers.Dense(outputs, activation=activation, name="probabilities")(context)
    return keras.Model(frames, probabilities, name="cnn_bilstm")


def _check_attention(model_settings: Mapping) -> None:
    """Stop if a kind of attention is unknown."""
    kinds = {"spatial_attention": ("none", *SPATIAL_ATTENTION), "temporal_attention": ("additive", "mean")}
    for key, known in kinds.items():
        found = model_settings.get(key, known[0])
        if found not in known:
            raise InputError(f"model.{key} is {found}, expected one of {', '.join(known)}")
