"""wfci_sleep: sleep states of mice from wide-field calcium imaging, as a library without Snakemake.

A room for each stage, in the order in which data flows; a room imports from those before it, never from those after:
errors, layout, states, files, tables; data, preprocessing; models, training; scoring, analysis; figures, export,
report; `run` ties them to the workflow. The names below come from the package itself and are loaded when first used.

Examples
--------
>>> from wfci_sleep import Hypnogram
>>> Hypnogram([0, 0, 1, 1, 1], epoch_s=10.0).n_transitions
1
"""

from importlib import import_module

_ROOMS = {
    "Hypnogram": "analysis.hypnogram",
    "Recording": "data.recordings",
    "attention_weights": "scoring.grad_cam",
    "build_network": "models.registry",
    "grad_cam": "scoring.grad_cam",
    "normalise": "preprocessing.normalisation",
    "read_shard": "training.shards",
    "visibility_graph": "preprocessing.visibility",
}

__all__ = list(_ROOMS)  # noqa: PLE0604


def __getattr__(name: str) -> object:
    """Load a public name when it is asked for: TensorFlow takes seconds, and most of the library does without."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
