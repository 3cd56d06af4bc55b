"""The kinds of networks: `model.kind` -> title, builder, size, layers to explain, words.

A new kind is a module beside this one and a row in `KINDS`. Keras is imported only when a network is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wfci_sleep.errors import InputError
from wfci_sleep.models import size

if TYPE_CHECKING:  # importing Keras takes seconds; titles and sizes don't need it
    import keras


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Its builder is called as `build(model_settings, frames_shape, classes, precision, frames_at_once)`, the last two
    optional; parameters and return value are those of `cnn_bilstm.build_network`. The name of the keras.Model is the
    kind's key in `KINDS` with underscores for hyphens (`cnn_bilstm`): by it a saved network's kind is known.

    Attributes
    ----------
    title : str
        Name in figures and texts.
    builder : function without arguments
        Returns the function that builds it, such as `cnn_bilstm.build_network`.
    check : function of (model settings, rows, columns)
        Raises `InputError` if the network cannot be built for frames of this size.
    parameters : function of (model settings, number of classes)
        Number of trainable parameters, part by part.
    window_tflop : function of (model settings, shape of a window)
        10^12 operations of a forward pass.
    feature_map : str
        Layer whose output Grad-CAM explains, shape (batch x T, h, w, channels).
    attention : str
        Layer that returns the context and the weights over time, shape (batch, T).
    words : str, optional
        Template in report/templates/ that describes the network, with the macros of `cnn-bilstm.j2`. Without it, texts
        give the title alone.
    """

    title: str
    builder: Callable[[], Callable[..., "keras.Model"]]
    check: Callable[[Mapping, int, int], None]
    parameters: Callable[[Mapping, int], dict[str, int]]
    window_tflop: Callable[[Mapping, tuple[int, int, int]], float]
    feature_map: str = size.FRAME_ENCODER
    attention: str = size.TEMPORAL_ATTENTION
    words: str | None = None


def _cnn_bilstm() -> Callable[..., "keras.Model"]:
    from wfci_sleep.models.cnn_bilstm import build_network

    return build_network


KINDS = {
    "cnn-bilstm": Kind(
        "CNN-BiLSTM", _cnn_bilstm, size.check_model, size.parameters, size.window_tflop, words="cnn-bilstm.j2"
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
    wfci_sleep.errors.InputError: model.kind is cnn-lstm, expected one of cnn-bilstm
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


def _check_built(key: str, kind: Kind, model: "keras.Model") -> None:
    """Stop before the training if explanations wouldn't find what they need in a network."""
    missing = []
    if model.name != key.replace("-", "_"):
        missing.append(f"the name {key.replace('-', '_')} of its keras.Model, found {model.name}")
    layers = {layer.name for layer in model.layers}
    for attribute in ("feature_map", "attention"):
        name = getattr(kind, attribute)
        if name not in layers:
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
