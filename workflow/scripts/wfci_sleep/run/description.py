"""What the configuration holds: every key with its type, unit, default, meaning, and the noun that sentences use.

The classes are the sections. `settings` checks a configuration with them. The JSON schema
(`workflow/schemas/config.schema.yaml`) and the table in `config/README.md` are made from them (`document_settings`).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.config import JsonDict

from wfci_sleep.models.registry import KINDS
from wfci_sleep.run.values import (
    Count,
    Distinct,
    EpochNumber,
    EpochRange,
    FilePath,
    Flag,
    Mirror,
    Name,
    Number,
    OrAll,
    OrNull,
    Parcel,
    RaterName,
    Reason,
    Seconds,
    Seed,
    Text,
    Units,
    Whole,
    keywords,
    one_of,
)
from wfci_sleep.states import CLASS_OF_LABEL

CLASSES = [list(names) for names in CLASS_OF_LABEL]
"""What a network can tell apart."""

BINNINGS = [1, 2, 4, 8, 16]
"""Sides of the squares of pixels that are averaged."""


def setting(
    default: Any,
    meaning: str,
    noun: str | None = None,
    unit: str | None = None,
    none: str | None = None,
    **limits: Any,
) -> Any:
    """Declare a key of the configuration.

    Parameters
    ----------
    default : object
        `...` where the key is required.
    meaning : str
        In Markdown; links lead to sections of config/README.md.
    noun : str, optional
        What sentences call it. Every setting of an experiment has one.
    unit : str, optional
        Of a number; or what else is to be written, where the type does not say enough.
    none : str, optional
        What null stands for.
    **limits
        As for `pydantic.Field`: ge, gt, lt, min_length and others.
    """
    notes: JsonDict = {key: text for key, text in {"unit": unit, "none": none}.items() if text}
    return Field(default, description=meaning, title=noun, json_schema_extra=notes, **limits)


def of_kinds(key: str, default: Any, meaning: str, **said: Any) -> Any:
    """Declare a key of the `model` section that only some kinds of networks know: their names stand before its meaning.

    Parameters and return value are those of `setting`.
    """
    knowing = ", ".join(f"`{name}`" for name, kind in KINDS.items() if key in kind.settings)
    return setting(default, f"{knowing}: {meaning}", **said)


class Section(BaseModel):
    """A section of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(Section):
    """The run as a whole."""

    name: Name = setting(..., "name of the run; its files lie in `resources/<name>/` and `results/<name>/`")


class Physionet(Section):
    """Recordings of the PhysioNet database."""

    slug: Name = setting("calcium-imaging-sleep-state", "project on PhysioNet")
    version: Name = setting("1.0.1", "version of the database")
    mirror: Mirror = setting(
        "https://physionet.org/files",
        "address below which PhysioNet's files are served, or a folder that holds them: see "
        "[The database](#the-database)",
        unit="URL or folder",
    )
    mice: OrAll[Annotated[Distinct[Text], Field(min_length=1)]] = setting("all", "mice to use")
    runs_per_mouse: OrAll[Count] = setting("all", "imaging runs to use of each mouse, from the first")
    connections: Count = setting(
        4, "files fetched from the server at once, in the whole run, on a cluster too", le=1000
    )
    patience_s: Whole = setting(
        600, "how long to go on trying, with growing pauses, while nothing new arrives", unit="s", ge=0
    )


class Local(Section):
    """Recordings of your own."""

    path: OrNull[FilePath] = setting(
        None, "your recordings: a folder, or a recording sheet (.tsv with columns mouse, recording, path)"
    )


class Synthetic(Section):
    """Synthetic recordings."""

    mice: Count = setting(4, "synthetic mice", le=1000)
    runs_per_mouse: Count = setting(2, "imaging runs of each; the last is shorter", le=1000)
    epochs_per_run: Whole = setting(36, "length of a run", unit="epochs of 10 s", ge=3, le=8640)
    seed: Seed = setting(42, "seed of the synthetic recordings")


class Exclusion(Section):
    """A recording, epochs of one, or all recordings of a mouse, and why they are left out."""

    mouse: Text = Field(default_factory=str)
    recording: Text = Field(default_factory=str)
    epochs: list[EpochNumber | EpochRange] = Field(default_factory=list, min_length=1)
    reason: Reason

    @model_serializer(mode="wrap")
    def _as_written(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys that the entry does not have."""
        return {key: value for key, value in serialize(self).items() if key in self.model_fields_set}


class Dataset(Section):
    """Where the recordings come from, and which of them are used."""

    source: Literal["physionet", "local", "synthetic"] = setting(..., "where the recordings come from")
    physionet: Physionet = Field(default_factory=Physionet)
    local: Local = Field(default_factory=Local)
    synthetic: Synthetic = Field(default_factory=Synthetic)
    atlas: OrNull[FilePath] = setting(
        None, "the atlas file, MATLAB v5 or v7.3", none="the `atlas.mat` that comes with the source"
    )
    keep_raw: Flag = setting(True, "keep fetched recordings; if not, each is deleted as soon as its windows are cut")
    on_bad_recording: Literal["stop", "leave-out"] = setting(
        "stop",
        "what happens if a recording cannot be used: the run ends, or goes on without it: see "
        "[What is checked](#what-is-checked)",
    )
    exclude: list[Exclusion] = setting(
        [], "recordings, or epochs of them, to leave out: see [What is left out](#what-is-left-out)"
    )


class Sweep(Section):
    """A sweep over the length of the windows."""

    seconds: Distinct[Seconds] = setting(
        [],
        "lengths of windows that are cut together, in one read of each recording: see [Experiments](#experiments)",
        unit="s",
    )


class Figures(Section):
    """How figures look."""

    palette: Literal["published", "colour-blind"] = setting(
        "published",
        "colours of the states in all figures: those of the published figures, or a set that people with a colour "
        "vision deficiency can tell apart",
    )


class Windows(Section):
    """The frames that the network sees for an epoch."""

    seconds: Seconds = setting(
        10, "length of the window around a scored epoch", noun="the length of the windows", unit="s"
    )
    normalisation: Literal["temporal-zscore", "spatial-zscore", "min-max"] = setting(
        "temporal-zscore",
        "over the frames of each pixel, the pixels of each frame, or the whole window",
        noun="the normalisation",
    )
    hemisphere: Literal["both", "left", "right"] = setting("both", "half of the frame to use", noun="the hemisphere")
    mask: Literal["recording", "atlas", "both"] = setting(
        "recording", "pixels to use: the recording's mask, the atlas's brain, or what both share", noun="the mask"
    )
    spatial_binning: Annotated[Whole, one_of(*BINNINGS), keywords(enum=BINNINGS)] = setting(
        1,
        "side of the squares of pixels that are averaged",
        noun="the side of the squares of pixels that are averaged",
        unit="pixels",
    )
    storage: Literal["float16", "float32"] = setting(
        "float16",
        "type of the windows on disk: see [Windows on disk](#windows-on-disk)",
        noun="the type of the windows on disk",
    )
    compression: Literal["none", "gzip"] = setting(
        "none", "compression of the windows on disk", noun="the compression of the windows on disk"
    )


class Labels(Section):
    """The states."""

    classes: Annotated[list[Text], one_of(*CLASSES), keywords(enum=CLASSES)] = setting(
        CLASSES[0], "states to tell apart", noun="the states"
    )


class Fold(Section):
    """Names of the mice in each split of a fold."""

    train: list[Text] = Field(min_length=1)
    validation: list[Text] = Field(min_length=1)
    test: list[Text] = Field(min_length=1)


class Folds(Section):
    """How mice or epochs are split into training, validation and test."""

    protocol: Literal["leave-one-mouse-out", "held-out-mouse", "k-fold", "fixed", "pooled"] = setting(
        "leave-one-mouse-out",
        "how mice or epochs are split: see [Protocols](#protocols)",
        noun="the protocol of the folds",
    )
    held_out: OrNull[Text] = setting(
        None, "test mouse of `held-out-mouse`", noun="the mouse that is held out", unit="name", none="the last"
    )
    k: Whole = setting(5, "folds of `k-fold`", noun="the number of folds by mouse", ge=2)
    validation_mice: Count = setting(
        1, "mice held out of the training mice for choosing the weights", noun="the number of validation mice"
    )
    fixed: list[Fold] = setting(
        [],
        "folds of `fixed`: a list of `{train: [...], validation: [...], test: [...]}` with names of mice",
        noun="the folds that the configuration fixes",
    )
    seed: Seed = setting(42, "seed of the split", noun="the seed of the folds")


class Model(Section):
    """The network; each kind knows some of the keys, which the registry lists."""

    kind: Annotated[Text, one_of(*KINDS), keywords(enum=[*KINDS])] = setting(
        next(iter(KINDS)), "the network: see [Networks](#networks)", noun="the network"
    )
    filters: list[Units] = of_kinds(
        "filters",
        [64, 64, 64, 64, 64],
        "filters of each convolution block, which is two convolutions",
        noun="the filters of the blocks",
        min_length=1,
    )
    kernel: Count = of_kinds(
        "kernel", 3, "side of the convolutions", noun="the side of the convolutions", unit="pixels", le=128
    )
    pooling: Count = of_kinds(
        "pooling",
        2,
        "side of the max pooling after each block but the last; the frame must be large enough for all of them",
        noun="the side of the max pooling",
        unit="pixels",
        le=128,
    )
    spatial_attention: Literal["none", "simam", "cbam"] = of_kinds(
        "spatial_attention",
        "none",
        "attention module after a block's convolutions, before its pooling: SimAM (Yang et al. 2021) or CBAM "
        "(Woo et al. 2018)",
        noun="the spatial attention",
    )
    spatial_attention_blocks: OrAll[Annotated[list[Count], Field(min_length=1)]] = of_kinds(
        "spatial_attention_blocks",
        "all",
        "blocks that have the module, counted from 1",
        noun="the blocks with spatial attention",
    )
    temporal_attention: Literal["additive", "mean"] = of_kinds(
        "temporal_attention",
        "additive",
        "how time is summed up: additive attention (Bahdanau et al. 2015), or the mean, which gives every frame the "
        "same weight",
        noun="the attention over time",
    )
    lstm_units: Units = of_kinds("lstm_units", 64, "units of the LSTM on each side", noun="the LSTM's units a side")
    dropout: Number = of_kinds(
        "dropout", 0.2, "share that is dropped before the LSTM and before the output", noun="the dropout", ge=0, lt=1
    )
    graph_filters: list[Units] = of_kinds(
        "graph_filters",
        [32, 64, 128],
        "filters of each convolution over the visibility graphs",
        noun="the filters of the convolutions over the graphs",
        min_length=1,
    )
    regions: Literal["whole", "left", "right", "each"] | Annotated[Distinct[Parcel], Field(min_length=1)] = of_kinds(
        "regions",
        "whole",
        "parcels of the atlas whose graphs the network sees: 2-19 (`left`), 22-39 (`right`), both (`whole`), a list of "
        "numbers, or `each` of the 36 alone, which makes [36 experiments](#networks)",
        noun="the parcels",
    )
    weights: OrNull[FilePath] = setting(
        None,
        "weights to start from, or to score with if `training.passes` is 0: a network's `.keras` file, or a TensorFlow "
        "checkpoint: see [Networks](#networks)",
        noun="the given weights",
        none="random weights",
    )


class Training(Section):
    """How the network is trained."""

    loss: Literal["focal", "cross-entropy"] = setting("focal", "loss function", noun="the loss")
    gamma: Number = setting(2, "focusing parameter of the focal loss", noun="the focal loss's gamma", ge=0)
    loss_weight: Number = setting(
        1, "factor of the loss, the same for every class", noun="the factor of the loss", gt=0
    )
    learning_rate: Number = setting(1e-4, "learning rate of Adam", noun="the learning rate", gt=0)
    batch_size: Count = setting(
        4, "windows in a batch, in training and in scoring", noun="the batch", unit="windows", le=10**6
    )
    passes: Whole = setting(
        200,
        "training epochs (passes over the training data); the weights with the lowest validation loss are kept. With 0 "
        "the network of `model.weights` scores as it is",
        noun="the number of training epochs",
        ge=0,
        le=10**6,
    )
    schedule: Literal["constant", "cosine", "plateau"] = setting(
        "constant",
        "learning rate over the training epochs: the same, falling to 0 along a cosine, or halved after ten training "
        "epochs without a lower validation loss",
        noun="the schedule of the learning rate",
    )
    early_stopping: OrNull[Count] = setting(
        None,
        "training epochs without a lower validation loss after which training ends",
        noun="the training epochs without a lower validation loss that end the training",
        none="all training epochs",
    )
    class_weights: Literal["none", "balanced"] = setting(
        "none",
        "weights of the classes in the loss: equal, or inverse to how often each state was scored",
        noun="the weights of the classes",
    )
    augment_flip: Flag = setting(
        False,
        "mirror left and right in half of the training windows; for `hemisphere: both`",
        noun="mirrored windows",
    )
    augment_gain: Number = setting(
        0,
        "multiply each training window by a random factor, up to this share more or less than 1",
        noun="the random gain",
        ge=0,
        lt=1,
    )
    augment_noise: Number = setting(
        0,
        "standard deviation of the noise that is added to each pixel of the training windows, in units of the "
        "normalised signal",
        noun="the standard deviation of the added noise",
        ge=0,
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = setting(
        "float32",
        "arithmetic of the convolutions: see [Speed and memory](#speed-and-memory)",
        noun="the precision of the convolutions",
    )
    frames_at_once: OrNull[Count] = setting(
        None,
        "gradient checkpointing: frames of a window that the convolutions see at a time, in training and in scoring: "
        "see [Speed and memory](#speed-and-memory)",
        noun="the frames that are encoded at a time",
        none="all",
    )
    gradient_accumulation: Count = setting(
        1, "batches whose gradients are averaged before the weights change", noun="the batches behind a step", le=10**6
    )
    xla: Flag = setting(
        False, "compile the training step with XLA; needs `deterministic: false`", noun="compilation with XLA"
    )
    deterministic: Flag = setting(
        True,
        "the same run twice gives the same weights on the same kind of machine; false may be faster on a GPU",
        noun="deterministic operations",
    )
    threads: Count = setting(
        8,
        "threads of TensorFlow's arithmetic, in training and in scoring: part of the result, as sums depend on how "
        "they are shared out, hence the same whatever `--cores` grants",
        noun="the threads of TensorFlow's arithmetic",
        le=4096,
    )
    shuffle_labels: Flag = setting(
        False,
        "control: deal the labels of training and validation out at random; kappa must fall to zero",
        noun="labels dealt out at random",
    )
    seed: Seed = setting(42, "seed of weights, order of data and dropout", noun="the seed of the training")


class Analysis(Section):
    """What is made of the predictions."""

    bootstrap_resamples: Whole = setting(
        1000, "resamples behind the confidence intervals", noun="the number of bootstrap resamples", ge=100, le=10**7
    )
    matlab: Flag = setting(
        False,
        "also write the results as the files that the published MATLAB scripts read: see [MATLAB](#matlab)",
        noun="the export to MATLAB",
    )
    scorers: dict[RaterName, FilePath] = setting(
        {},
        "further raters beside the network and the rater of the files: see [Further raters](#further-raters)",
        noun="the further raters",
        unit="name: path of a table (.tsv)",
    )
    networks: Distinct[Text] = setting(
        [],
        "other experiments, with the same folds and states, whose networks are shown beside this one's: see "
        "[Several networks](#several-networks)",
        noun="the experiments whose networks are shown beside it",
        unit="names of experiments",
    )
    seed: Seed = setting(42, "seed of the bootstrap", noun="the seed of the bootstrap")


class Shared(Section):
    """What all experiments of a run share."""

    run: Run
    dataset: Dataset
    sweep: Sweep = Field(default_factory=Sweep)
    figures: Figures = Field(default_factory=Figures)


class Experiment(Section):
    """What an experiment may change: the settings of one."""

    windows: Windows = Field(default_factory=Windows)
    labels: Labels = Field(default_factory=Labels)
    folds: Folds = Field(default_factory=Folds)
    model: Model = Field(default_factory=Model)
    training: Training = Field(default_factory=Training)
    analysis: Analysis = Field(default_factory=Analysis)


class Configuration(Experiment, Shared):
    """The configuration: sections that all experiments share, settings, and what each experiment changes of them."""

    experiments: dict[Name, Experiment] = setting(
        {"main": {}},
        "experiments by their names, with the settings of the sections `windows` ... `analysis` that each lays over "
        "the above: see [Experiments](#experiments)",
        unit="name: settings",
        min_length=1,
        validate_default=True,
    )


def nouns_and_units() -> dict[str, tuple[str, str]]:
    """What sentences call the settings of an experiment, and their units.

    Returns
    -------
    dict
        `section.key` -> noun, unit; the unit is empty where there is none.

    Examples
    --------
    >>> nouns_and_units()["windows.seconds"]
    ('the length of the windows', 's')
    """
    return {
        f"{section}.{key}": (field.title or "", str(notes.get("unit", "")))
        for section, part in Experiment()
        for key, field in type(part).model_fields.items()
        for notes in [field.json_schema_extra]
    }
