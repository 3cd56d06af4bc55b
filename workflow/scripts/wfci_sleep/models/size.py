"""Size of a network: parameters and arithmetic; whether its settings fit together."""

from collections.abc import Mapping, Sequence

from wfci_sleep.errors import InputError
from wfci_sleep.states import n_outputs

FRAME_ENCODER, TEMPORAL_ATTENTION = "frame_encoder", "temporal_attention"
"""Names of the CNN-BiLSTM's layers that explanations need: the output of the one is the activation after the last
convolution, (batch x T, h, w, channels), the second output of the other the weights over time, (batch, T)."""

LEAKY_SLOPE = 0.3
"""Slope of LeakyReLU below zero."""

CBAM_REDUCTION, CBAM_KERNEL = 16, 7
"""CBAM: channels per unit of the channel gate's hidden layer, and side of the spatial convolution."""

SIMAM_REGULARISATION = 1e-4
"""SimAM: lambda, added to the variance."""


def check_model(model_settings: Mapping, shape: tuple[int, int, int]) -> None:
    """Check that the CNN-BiLSTM can be built for windows of a shape, without TensorFlow.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration.
    shape : (T, rows, columns)
        Shape of a window.

    Raises
    ------
    InputError
        If the blocks shrink the frame below one pixel, or attention is configured for a block that doesn't exist.

    Examples
    --------
    >>> check_model({"filters": [8, 8], "pooling": 2, "spatial_attention_blocks": [3]}, (168, 16, 16))
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: model.spatial_attention_blocks is [3], expected numbers of blocks from 1 to 2
    """
    _, rows, columns = shape
    n_blocks, pooling = len(model_settings["filters"]), model_settings["pooling"]
    smallest = pooling ** (n_blocks - 1)
    if min(rows, columns) < smallest:
        raise InputError(
            f"model.filters has {n_blocks} blocks, between which frames shrink {pooling}-fold (model.pooling): "
            f"expected frames of at least {smallest} x {smallest} pixels, found {rows} x {columns}; "
            "use fewer blocks or a smaller windows.spatial_binning"
        )
    blocks = model_settings["spatial_attention_blocks"]
    if blocks != "all" and not set(blocks) <= set(range(1, n_blocks + 1)):
        raise InputError(
            f"model.spatial_attention_blocks is {list(blocks)}, expected numbers of blocks from 1 to {n_blocks}"
        )


def parameters(model: Mapping, n_classes: int) -> dict[str, int]:
    """Number of trainable parameters of the CNN-BiLSTM, part by part, without TensorFlow.

    Parameters
    ----------
    model : mapping
        The `model` section of an experiment.
    n_classes : int

    Returns
    -------
    dict of part to number
        Without parts that the network doesn't have.

    Examples
    --------
    >>> published = {"filters": [64] * 5, "kernel": 3, "spatial_attention": "none", "temporal_attention": "additive",
    ...              "lstm_units": 64}
    >>> parameters(published, 3)
    {'convolutions': 332992, 'LSTM': 66048, 'attention over time': 32896, 'output': 387}
    >>> sum(parameters(published, 3).values())
    432323
    """
    filters, units = model["filters"], model["lstm_units"]
    widths = [1, *(width for block in filters for width in (block, block))]
    area = model["kernel"] ** 2
    parts = {"convolutions": sum((area * n_in + 1) * n_out for n_in, n_out in zip(widths, widths[1:], strict=False))}
    if model["spatial_attention"] == "cbam":
        channels = [filters[block - 1] for block in attention_blocks(model)]
        hidden = [max(width // CBAM_REDUCTION, 1) for width in channels]
        gates = sum(2 * width * narrow for width, narrow in zip(channels, hidden, strict=True))
        parts["spatial attention"] = gates + 2 * CBAM_KERNEL**2 * len(channels)
    parts["LSTM"] = 2 * 4 * units * (filters[-1] + units + 1)
    if model["temporal_attention"] == "additive":
        width = 2 * units
        parts["attention over time"] = 2 * width**2 + width
    parts["output"] = (2 * units + 1) * n_outputs(n_classes)
    return parts


def attention_blocks(model: Mapping) -> Sequence[int]:
    """Numbers of the blocks with spatial attention, from 1; all if the `model` section doesn't say.

    Examples
    --------
    >>> list(attention_blocks({"filters": [8, 8], "spatial_attention": "cbam"}))
    [1, 2]
    """
    if model.get("spatial_attention", "none") == "none":
        return []
    blocks = model.get("spatial_attention_blocks", "all")
    return range(1, len(model["filters"]) + 1) if blocks == "all" else blocks


def window_tflop(model: Mapping, shape: tuple[int, int, int]) -> float:
    """Arithmetic of the network's forward pass over a window; a training step takes three times that.

    Parameters
    ----------
    model : mapping
        The `model` section of the configuration. Spatial attention is small and not counted.
    shape : (T, rows, columns)
        Shape of the window.

    Returns
    -------
    float
        10^12 operations; a multiplication and an addition are two.

    Examples
    --------
    The published network, forward and backward:

    >>> published = {"filters": [64] * 5, "kernel": 3, "pooling": 2, "lstm_units": 64}
    >>> round(3 * window_tflop(published, (168, 128, 128)), 2)
    1.02
    """
    frames, rows, columns = shape
    channels, products = 1, 0
    for filters in model["filters"]:
        products += rows * columns * model["kernel"] ** 2 * (channels + filters) * filters
        rows, columns, channels = -(-rows // model["pooling"]), -(-columns // model["pooling"]), filters
    units = model["lstm_units"]
    lstm = 2 * 4 * (channels + units) * units
    attention = (2 * units) ** 2
    return 2 * frames * (products + lstm + attention) / 1e12
