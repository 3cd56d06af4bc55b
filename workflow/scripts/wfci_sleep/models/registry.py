"""The kinds of networks: `model.kind` -> title, builder, size, input, layers to explain.

A new kind is a module beside this one and a row in `KINDS`; `report/templates/<kind>.j2` describes it in texts.
Keras is imported only when a network is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wfci_sleep.errors import InputError
from wfci_sleep.layout import FRAMES, GRAPHS
from wfci_sleep.models import mvg_size, size

if TYPE_CHECKING:  # importing Keras takes seconds; titles and sizes don't need it
    import keras


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Its builder is called as `build(model_settings, shape, classes, precision, frames_at_once)`, the last two optional;
    parameters and return value are those of `cnn_bilstm.build_network`, the shape is the one that `input_shape` gives.
    The name of the keras.Model is the kind's key in `KINDS` with underscores for hyphens (`cnn_bilstm`): by it a saved
    network's kind is known.

    Attributes
    ----------
    title : str
        Name in figures and texts.
    builder : function without arguments
        Returns the function that builds it, such as `cnn_bilstm.build_network`.
    check : function of (model settings, shape of a stored window)
        Raises `InputError` if the network cannot be built for windows of this shape.
    parameters : function of (model settings, number of classes)
        Number of trainable parameters, part by part.
    window_tflop : function of (model settings, shape of a stored window)
        10^12 operations of a forward pass.
    settings : tuple of str
        Keys of the `model` section that the kind knows, beside `kind` and `weights`, which every kind has.
    input : str
        What it sees of an epoch: a key of `preprocessing.inputs.INPUTS`.
    channels : function of (model settings)
        Which channels of a stored window it sees, as positions; None: all.
    feature_map : str
        Layer whose output Grad-CAM explains, shape (batch x n, h, w, channels): n maps a window, one for each frame or
        one in all.
    attention : str, or None
        Layer that returns the context and the weights over time, shape (batch, T); None for a network without one.
    """

    title: str
    builder: Callable[[], Callable[..., "keras.Model"]]
    check: Callable[[Mapping, tuple[int, int, int]], None]
    parameters: Callable[[Mapping, int], dict[str, int]]
    window_tflop: Callable[[Mapping, tuple[int, int, int]], float]
    feature_map: str
    attention: str | None = None
    settings: tuple[str, ...] = ()
    input: str = FRAMES
    channels: Callable[[Mapping], list[int] | None] = lambda model_settings: None


def _cnn_bilstm() -> Callable[..., "keras.Model"]:
    from wfci_sleep.models.cnn_bilstm import build_network

    return build_network


def _mvg_cnn() -> Callable[..., "keras.Model"]:
    from wfci_sleep.models.mvg_cnn import build_network

    return build_network


KINDS = {
    "cnn-bilstm": Kind(
        "CNN-BiLSTM",
        _cnn_bilstm,
        size.check_model,
        size.parameters,
        size.window_tflop,
        size.FRAME_ENCODER,
        size.TEMPORAL_ATTENTION,
        settings=(
            *("filters", "kernel", "pooling", "spatial_attention", "spatial_attention_blocks"),
            *("temporal_attention", "lstm_units", "dropout"),
        ),
    ),
    "mvg-cnn": Kind(
        "MVG-CNN",
        _mvg_cnn,
        mvg_size.check_model,
        mvg_size.parameters,
        mvg_size.window_tflop,
        mvg_size.FEATURE_MAP,
        settings=("graph_filters", "regions"),
        input=GRAPHS,
        channels=mvg_size.channels_of,
    ),
}


def kind_of(model_settings: Mapping) -> Kind:
    """The kind that the `model` section names; the first in `KINDS` if it names none.

    Raises
    ------
    InputError
        If there is no such kind.

    Examples
    --------
    >>> kind_of({"kind": "cnn-bilstm"}).title
    'CNN-BiLSTM'
    >>> kind_of({"kind": "cnn-lstm"})
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: model.kind is cnn-lstm, expected one of cnn-bilstm, mvg-cnn
    """
    name = model_settings.get("kind", next(iter(KINDS)))
    if name not in KINDS:
        raise InputError(f"model.kind is {name}, expected one of {', '.join(KINDS)}")
    return KINDS[name]


def kind_of_network(model: "keras.Model") -> Kind:
    """The kind that a network was built as, which its name tells.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    return kind_of({"kind": model.name.replace("_", "-")})


def input_shape(model_settings: Mapping, stored: tuple[int, int, int]) -> tuple[int, int, int]:
    """Shape of what a network sees of a stored window: all of its channels, or those that the settings choose.

    Examples
    --------
    >>> input_shape({"kind": "cnn-bilstm"}, (168, 128, 128)), input_shape({"kind": "mvg-cnn"}, (168, 168, 40))
    ((168, 128, 128), (168, 168, 36))
    """
    channels = kind_of(model_settings).channels(model_settings)
    return stored if channels is None else (*stored[:2], len(channels))


def _check_built(key: str, kind: Kind, model: "keras.Model") -> None:
    """Stop before the training if explanations wouldn't find what they need in a network."""
    missing = []
    if model.name != key.replace("-", "_"):
        missing.append(f"the name {key.replace('-', '_')} of its keras.Model, found {model.name}")
    layers = {layer.name for layer in model.layers}
    for attribute in ("feature_map", "attention"):
        name = getattr(kind, attribute)
        if name is not None and name not in layers:
            missing.append(f"a layer {name} ({attribute})")
    if missing:
        raise ValueError(f"the network {key} lacks {' and '.join(missing)}; wfci_sleep.models.registry.Kind says why")


def build_network(model_settings: Mapping, *arguments: Any, **options: Any) -> "keras.Model":
    """Build the network that the `model` section names; further arguments are those of its own builder.

    Raises
    ------
    InputError
        If the kind of network or of attention is unknown.
    ValueError
        If the builder of the kind doesn't keep to what `Kind` says: a slip of who wrote it.
    """
    kind = kind_of(model_settings)
    model = kind.builder()(model_settings, *arguments, **options)
    _check_built(next(key for key, known in KINDS.items() if known is kind), kind, model)
    return model
