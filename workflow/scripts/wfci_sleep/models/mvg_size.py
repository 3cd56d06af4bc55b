"""The MVG-CNN without Keras: its parcels, parameters and arithmetic; whether its settings fit together."""

from collections.abc import Mapping, Sequence

from wfci_sleep.errors import InputError
from wfci_sleep.layout import N_PARCELS
from wfci_sleep.states import n_outputs

FEATURE_MAP = "last_activation"
"""Name of the layer that Grad-CAM explains: the activation after the last convolution, (batch, h, w, channels)."""

GRAPH_FILTERS = (32, 64, 128)
"""Filters of the published convolutions."""

KERNEL, POOLING = 3, 2
"""Side of the convolutions, and of the max pooling between them."""

REGIONS = {
    "whole": [*range(2, 20), *range(22, 40)],
    "left": [*range(2, 20)],
    "right": [*range(22, 40)],
}
"""Parcels of each published region: without those at the edge of the cortex that is seen, 1, 20, 21 and 40."""


def parcels_of(model_settings: Mapping) -> list[int]:
    """Numbers of the parcels that a network sees, in the order of its channels.

    Parameters
    ----------
    model_settings : mapping
        The `model` section; `regions` is one of `REGIONS`, by default the whole cortex, or a list of parcels.

    Examples
    --------
    >>> len(parcels_of({})), parcels_of({"regions": "right"})[:3], parcels_of({"regions": [7, 3]})
    (36, [22, 23, 24], [7, 3])
    """
    regions = model_settings.get("regions", "whole")
    return list(REGIONS[regions] if isinstance(regions, str) else regions)


def channels_of(model_settings: Mapping) -> list[int]:
    """Positions of its parcels among those of a stored window, from 0.

    Examples
    --------
    >>> channels_of({"regions": [7, 3]})
    [6, 2]
    """
    return [number - 1 for number in parcels_of(model_settings)]


def graph_filters(model_settings: Mapping) -> Sequence[int]:
    """Filters of each convolution; the published ones if the `model` section doesn't say."""
    return model_settings.get("graph_filters", GRAPH_FILTERS)


def check_model(model_settings: Mapping, shape: tuple[int, int, int]) -> None:
    """Check that the MVG-CNN can be built for graphs of a shape, without TensorFlow.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration.
    shape : (T, T, parcels)
        Shape of a window's graphs.

    Raises
    ------
    InputError
        If `regions` names parcels that the atlas doesn't have, one of them twice or none at all, or the graphs are too
        small for the max pooling.

    Examples
    --------
    >>> check_model({"regions": [2, 41]}, (168, 168, 40))
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: model.regions is [2, 41], expected whole, left, right, or different parcels from 1
    to 40
    """
    regions = model_settings.get("regions", "whole")
    parcels = REGIONS.get(regions, []) if isinstance(regions, str) else regions
    if not parcels or len(set(parcels)) < len(parcels) or not set(parcels) <= set(range(1, N_PARCELS + 1)):
        raise InputError(
            f"model.regions is {regions}, expected {', '.join(REGIONS)}, or different parcels from 1 to {N_PARCELS}"
        )
    length, n_convolutions = shape[0], len(graph_filters(model_settings))
    shortest = POOLING ** (n_convolutions - 1)
    if length < shortest:
        raise InputError(
            f"model.graph_filters has {n_convolutions} convolutions, between which graphs shrink {POOLING}-fold: "
            f"expected windows of at least {shortest} frames, found {length}; use fewer convolutions or a larger "
            "windows.seconds"
        )


def parameters(model_settings: Mapping, n_classes: int) -> dict[str, int]:
    """Number of trainable parameters of the MVG-CNN, part by part, without TensorFlow.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of an experiment.
    n_classes : int

    Returns
    -------
    dict of part to number

    Examples
    --------
    >>> parameters({}, 3)
    {'convolutions': 102752, 'output': 387}
    """
    filters = graph_filters(model_settings)
    widths = [len(parcels_of(model_settings)), *filters]
    return {
        "convolutions": sum((KERNEL**2 * n_in + 1) * n_out for n_in, n_out in zip(widths, filters, strict=False)),
        "output": (filters[-1] + 1) * n_outputs(n_classes),
    }


def window_tflop(model_settings: Mapping, shape: tuple[int, int, int]) -> float:
    """Arithmetic of the network's forward pass over the graphs of a window; a training step takes three times that.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration.
    shape : (T, T, parcels)
        Shape of the graphs as they are stored, or as the network sees them; `regions` decides on the parcels.

    Returns
    -------
    float
        10^12 operations; a multiplication and an addition are two.

    Examples
    --------
    The published network, forward and backward:

    >>> round(3 * window_tflop({"regions": "whole"}, (168, 168, 40)), 4)
    0.0033
    """
    side, _, channels = shape
    if "regions" in model_settings:
        channels = len(parcels_of(model_settings))
    products = 0
    for width in graph_filters(model_settings):
        products += side**2 * KERNEL**2 * channels * width
        side, channels = side // POOLING, width
    return 2 * products / 1e12
