"""The MVG-CNN: a CNN over the visibility graphs of the parcels' traces (multiplex visibility graphs).

Zhang et al. 2022, J. Neurosci. Methods 366, 109421.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from wfci_sleep.errors import InputError
from wfci_sleep.models.encoder import LeakyReLU
from wfci_sleep.models.mvg_size import FEATURE_MAP, KERNEL, POOLING, graph_filters
from wfci_sleep.models.size import LEAKY_SLOPE
from wfci_sleep.states import n_outputs


def build_network(
    model_settings: Mapping,
    graphs_shape: tuple[int, int, int],
    classes: Sequence[str] | int,
    precision: str = "float32",
    frames_at_once: int | None = None,
) -> keras.Model:
    """Build the MVG-CNN.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration, see config/README.md. Without `graph_filters` the convolutions are the
        published ones.
    graphs_shape : (T, T, parcels)
        Shape of a window's adjacency matrices, one for each parcel that the network sees.
    classes : sequence of str, or int
        Names of the classes, or their number. Two classes give one sigmoid output (the probability of the second).
    precision : {"float32", "mixed_bfloat16", "mixed_float16"}
        Arithmetic of the convolutions; what follows is float32, from the last activation on.
    frames_at_once : None
        Of networks that encode frame after frame.

    Returns
    -------
    keras.Model
        (batch, T, T, parcels) float32, 0 or 1 -> class probabilities, (batch, classes) or (batch, 1).

    Raises
    ------
    InputError
        If `frames_at_once` is given.
    """
    if frames_at_once is not None:
        raise InputError(
            f"training.frames_at_once is {frames_at_once}, but the MVG-CNN sees all frames of a window in one graph; "
            "set it to null"
        )
    filters = graph_filters(model_settings)
    outputs = n_outputs(classes if isinstance(classes, int) else len(classes))

    graphs = maps = keras.Input(graphs_shape, name="graphs")
    for number, width in enumerate(filters, start=1):
        is_last = number == len(filters)
        maps = layers.Conv2D(width, KERNEL, padding="same", name=f"convolution{number}", dtype=precision)(maps)
        maps = LeakyReLU(
            negative_slope=LEAKY_SLOPE,
            name=FEATURE_MAP if is_last else f"activation{number}",
            dtype="float32" if is_last else precision,
        )(maps)
        if not is_last:
            maps = layers.MaxPooling2D(POOLING, name=f"pool{number}", dtype=precision)(maps)
    features = layers.GlobalAveragePooling2D(name="graph_features")(maps)
    activation = "sigmoid" if outputs == 1 else "softmax"
    probabilities = layers.Dense(outputs, activation=activation, name="probabilities")(features)
    return keras.Model(graphs, probabilities, name="mvg_cnn")
