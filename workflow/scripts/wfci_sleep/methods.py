"""The methods section of a paper, as Markdown: what a run did, from its settings, tables and versions."""

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from wfci_sleep.calibration import N_BINS, TEMPERATURES
from wfci_sleep.folds import POOLED_SHARES, held_out_mouse, n_folds
from wfci_sleep.metrics import CONFIDENCE
from wfci_sleep.references import numbered
from wfci_sleep.settings import SECTIONS
from wfci_sleep.states import BY_NAME, EPOCH_S, FRAME_RATE_HZ, STATES
from wfci_sleep.windows import frame_shape, n_frames
from wfci_sleep.words import HEMISPHERES, LOSSES, MASKS, NORMALISATIONS

# Of the layers, whose modules would bring TensorFlow along; a test compares them.
LEAKY_SLOPE = 0.3
CBAM_REDUCTION, CBAM_KERNEL = 16, 7
SIMAM_REGULARISATION = 1e-4

NO_MOUSE_TWICE = "No mouse lies in two splits of a fold."

PUBLISHED_DATABASE = ("calcium-imaging-sleep-state", "1.0.1")
"""The database and the version that its reference describes."""

SOFTWARE = {
    "python": ("Python", ""),
    "snakemake": ("Snakemake", "molder2021"),
    "tensorflow": ("TensorFlow", "abadi2016"),
    "keras": ("Keras", "chollet2015"),
    "focal-loss": ("focal-loss", ""),
    "numpy": ("NumPy", "harris2020"),
    "scipy": ("SciPy", "virtanen2020"),
    "h5py": ("h5py", ""),
    "pandas": ("pandas", "mckinney2010"),
    "scikit-learn": ("scikit-learn", "pedregosa2011"),
    "scikit-image": ("scikit-image", "vanderwalt2014"),
    "matplotlib": ("Matplotlib", "hunter2007"),
    "seaborn": ("seaborn", "waskom2021"),
}
"""Name and reference of the packages that a paper names, by their names in provenance.json."""

SETTINGS = {
    "windows.seconds": ("the length of the windows", "s"),
    "windows.normalisation": ("the normalisation", ""),
    "windows.hemisphere": ("the hemisphere", ""),
    "windows.mask": ("the mask", ""),
    "windows.spatial_binning": ("the side of the squares of pixels that are averaged", "pixels"),
    "windows.storage": ("the type of the windows on disk", ""),
    "windows.compression": ("the compression of the windows on disk", ""),
    "labels.classes": ("the states", ""),
    "folds.protocol": ("the protocol of the folds", ""),
    "folds.held_out": ("the mouse that is held out", ""),
    "folds.k": ("the number of folds by mouse", ""),
    "folds.validation_mice": ("the number of validation mice", ""),
    "folds.fixed": ("the folds that the configuration fixes", ""),
    "folds.seed": ("the seed of the folds", ""),
    "model.kind": ("the network", ""),
    "model.filters": ("the filters of the blocks", ""),
    "model.kernel": ("the side of the convolutions", "pixels"),
    "model.pooling": ("the side of the max pooling", "pixels"),
    "model.spatial_attention": ("the spatial attention", ""),
    "model.spatial_attention_blocks": ("the blocks with spatial attention", ""),
    "model.temporal_attention": ("the attention over time", ""),
    "model.lstm_units": ("the LSTM's units a side", ""),
    "model.dropout": ("the dropout", ""),
    "training.loss": ("the loss", ""),
    "training.gamma": ("the focal loss's gamma", ""),
    "training.learning_rate": ("the learning rate", ""),
    "training.batch_size": ("the batch", "windows"),
    "training.passes": ("the number of passes", ""),
    "training.schedule": ("the schedule of the learning rate", ""),
    "training.early_stopping": ("the passes without a lower validation loss that end the training", ""),
    "training.class_weights": ("the weights of the classes", ""),
    "training.augment_flip": ("mirrored windows", ""),
    "training.augment_gain": ("the random gain", ""),
    "training.augment_noise": ("the standard deviation of the added noise", ""),
    "training.precision": ("the precision of the convolutions", ""),
    "training.frames_at_once": ("the frames that are encoded at a time", ""),
    "training.gradient_accumulation": ("the batches behind a step", ""),
    "training.xla": ("compilation with XLA", ""),
    "training.deterministic": ("deterministic operations", ""),
    "training.shuffle_labels": ("labels dealt out at random", ""),
    "training.seed": ("the seed of the training", ""),
    "analysis.bootstrap_resamples": ("the number of bootstrap resamples", ""),
    "analysis.matlab": ("the export to MATLAB", ""),
    "analysis.scorers": ("the further scorers", ""),
    "analysis.seed": ("the seed of the bootstrap", ""),
}
"""What the settings of an experiment are called in a sentence, and their units."""


def methods(config: Mapping, quality: pd.DataFrame, provenance: Mapping) -> str:
    """Write the methods section of a run.

    One experiment is described in full (`main`, or the first), each other one by what it changes.

    Parameters
    ----------
    config : mapping
        The configuration as `settings.resolve` gives it.
    quality : table
        quality.tsv: the recordings.
    provenance : mapping
        provenance.json: versions and commit.

    Returns
    -------
    str
        Markdown: a title, sections, and numbered references in the order of their first mention.
    """
    experiments = config["experiments"]
    described = "main" if "main" in experiments else next(iter(experiments))
    settings = experiments[described]
    mice = list(dict.fromkeys(quality["mouse"]))
    sections = {
        "Recordings": _recordings(config["dataset"], quality, mice),
        "Windows": _windows(settings["windows"], settings["labels"]["classes"]),
        "Training, validation and test": _folds(settings["folds"], mice),
        "Network": _network(settings),
        "Training": _training(settings["training"]),
        "Calibration": _calibration(),
        "What the network looks at": _explanations(settings["model"]),
        "Hypnograms and fragmentation": _sleep(settings),
        "Statistics": _statistics(settings["analysis"], len(experiments)),
        "Experiments": _experiments(experiments, described),
        "Software": _software(provenance),
    }
    parts = [f"## {title}\n\n{' '.join(sentences)}\n" for title, sentences in sections.items() if sentences]
    text, works = numbered("\n".join(["# Methods\n", *parts]))
    listed = "\n".join(f"{number}. {work}" for number, work in enumerate(works, start=1))
    return f"{text}\n## References\n\n{listed}\n"


def parameters(model: Mapping, n_classes: int) -> dict[str, int]:
    """Number of trainable parameters of the CNN-BiLSTM, part by part; it needs no TensorFlow.

    Parameters
    ----------
    model : mapping
        The `model` section of an experiment.
    n_classes : int

    Returns
    -------
    dict of part to number
        Parts that the network doesn't have are left out.

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
        channels = [filters[block - 1] for block in _attention_blocks(model)]
        hidden = [max(width // CBAM_REDUCTION, 1) for width in channels]
        gates = sum(2 * width * narrow for width, narrow in zip(channels, hidden, strict=True))
        parts["spatial attention"] = gates + 2 * CBAM_KERNEL**2 * len(channels)
    parts["LSTM"] = 2 * 4 * units * (filters[-1] + units + 1)
    if model["temporal_attention"] == "additive":
        width = 2 * units
        parts["attention over time"] = 2 * width**2 + width
    parts["output"] = (2 * units + 1) * (1 if n_classes == 2 else n_classes)
    return parts


def _attention_blocks(model: Mapping) -> Sequence[int]:
    blocks = model["spatial_attention_blocks"]
    return range(1, len(model["filters"]) + 1) if blocks == "all" else blocks


def escaped(text: str) -> str:
    r"""Text in which Markdown finds no markup.

    Examples
    --------
    >>> print(escaped("Ms_1"))
    Ms\_1
    """
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _joined(words: Iterable[object]) -> str:
    """Words as a sentence lists them: a, b and c."""
    *first, last = [escaped(str(word)) for word in words]
    return f"{', '.join(first)} and {last}" if first else last


def _titles(classes: Sequence[str]) -> str:
    return _joined(BY_NAME[name].title for name in classes)


def _recordings(dataset: Mapping, quality: pd.DataFrame, mice: list[str]) -> list[str]:
    epochs, artefacts = int(quality["epochs"].sum()), int(quality["artefact"].sum())
    scored = {state.title: int(quality[state.name].sum()) for state in STATES}
    total = sum(scored.values())
    each = [
        f"{number:,} {title} ({number / total:.1%})" if total else f"{number:,} {title}"
        for title, number in scored.items()
    ]
    runs = quality.groupby("mouse").size()
    spread = f"{runs.min()}" if runs.min() == runs.max() else f"{runs.min()} to {runs.max()}"
    sizes = _joined(
        f"{rows} x {columns}" for rows, columns in quality[["rows", "columns"]].drop_duplicates().to_numpy()
    )
    warned = int(quality["warnings"].notna().sum())
    sentences = [
        *_source(dataset),
        f"There were {_count(len(quality), 'recording')} of {_count(len(mice), 'mouse', 'mice')} ({_joined(mice)}; "
        f"{spread} a mouse), {_count(epochs, 'epoch')} of {EPOCH_S:g} s or {epochs * EPOCH_S / 3600:.1f} h altogether, "
        f"with frames of {sizes} pixels at {FRAME_RATE_HZ:g} Hz.",
        f"By the scores that come with the recordings {_joined(each)} epochs were used; "
        f"{_count(artefacts, 'epoch')} scored as artefact {_was(artefacts)} left out.",
        "Every recording was read and checked before use.",
    ]
    if warned:
        sentences.append(f"A warning (quality.tsv) came with {_count(warned, 'recording')}, which {_was(warned)} kept.")
    return sentences


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _source(dataset: Mapping) -> list[str]:
    if dataset["source"] == "synthetic":
        return [
            "The recordings are synthetic: the workflow made them itself "
            f"(seed {dataset['synthetic']['seed']}), and nothing measured on them is a scientific result.",
            "They have the layout of the wide-field calcium imaging sleep state database [@landsness2022].",
        ]
    if dataset["source"] == "local":
        return ["Wide-field calcium imaging recordings of our own were scored."]
    database = dataset["physionet"]
    described = (database["slug"], database["version"]) == PUBLISHED_DATABASE
    cited = "[@landsness2022; @goldberger2000]" if described else "[@goldberger2000]"
    sentences = [
        f"Wide-field calcium imaging recordings were taken from the database {escaped(database['slug'])}, version "
        f"{escaped(str(database['version']))}, of PhysioNet {cited}."
    ]
    if database["runs_per_mouse"] != "all":
        sentences.append(
            f"Of each mouse no more than the first {_count(database['runs_per_mouse'], 'run')} "
            "of its session were used."
        )
    return sentences


def _windows(windows: Mapping, classes: Sequence[str]) -> list[str]:
    seconds, epoch = windows["seconds"], n_frames(int(EPOCH_S))
    frames = n_frames(seconds)
    sentences = [
        f"For every scored epoch the network was given a window of {seconds} s, {frames} frames"
        + (": the whole epoch." if frames == epoch else "." if frames > epoch else ": the first of the epoch.")
    ]
    if frames > epoch:
        sentences.append(
            f"It holds the {epoch} frames of the epoch and {frames - epoch} of its neighbours in the same recording, "
            "half of them before and half after it; beyond the ends of a recording there are zeros, left out of all "
            "statistics."
        )
    sentences.append(
        f"The pixels of {HEMISPHERES[windows['hemisphere']]} {MASKS[windows['mask']]} were used, all "
        "others set to zero."
    )
    if windows["spatial_binning"] > 1:
        side = windows["spatial_binning"]
        sentences.append(f"Squares of {side} x {side} pixels were averaged.")
    rows, columns = frame_shape(windows)
    population = "" if windows["normalisation"] == "min-max" else ", with the population's standard deviation"
    sentences += [
        f"The network's frames are thus {rows} x {columns} pixels.",
        f"Windows were normalised: {NORMALISATIONS[windows['normalisation']]}{population}.",
    ]
    if windows["storage"] == "float16":
        sentences.append("They were stored in half precision (float16).")
    together = ", with NREM and REM taken together as Sleep" if len(classes) == 2 else ""
    sentences.append(f"The states to tell apart were {_titles(classes)}{together}.")
    return sentences


def _folds(folds: Mapping, mice: list[str]) -> list[str]:
    protocol, count = folds["protocol"], n_folds(folds, mice)
    if protocol == "pooled":
        shares = " / ".join(f"{share:.0%}".rstrip("%") for share in POOLED_SHARES.values())
        return [
            f"The epochs of all mice were pooled and split at random into training, validation and test ({shares} %, "
            f"seed {folds['seed']}), as in the published evaluation [@zhang2024], with scikit-learn [@pedregosa2011].",
            "Neighbouring epochs of one mouse then lie on both sides of the split: the numbers tell how the network "
            "does on mice that it was trained on, and are higher than those to be expected of a new mouse.",
        ]
    if protocol == "fixed":
        lists = [
            f"{'; ' if number > 1 else ''}fold {number}: training {_joined(fold['train'])}, validation "
            f"{_joined(fold['validation'])}, test {_joined(fold['test'])}"
            for number, fold in enumerate(folds["fixed"], start=1)
        ]
        return [f"Mice were split by hand into {_count(count, 'fold')} ({''.join(lists)}).", NO_MOUSE_TWICE]
    tested = {
        "leave-one-mouse-out": f"The network was tested by leaving one mouse out: in each of {_count(count, 'fold')} "
        "another mouse was the test mouse, which the network had never seen.",
        "held-out-mouse": f"The mouse {escaped(held_out_mouse(folds, mice))} was held out for the test; the network "
        "had never seen it.",
        "k-fold": f"The mice were split at random into {_count(count, 'group')}; in each of as many folds another "
        "group was the test, which the network had never seen.",
    }
    return [
        tested[protocol],
        f"Of the other mice {_count(folds['validation_mice'], 'mouse', 'mice')} of each fold, drawn at random (seed "
        f"{folds['seed']}), {_was(folds['validation_mice'])} kept for validation and the rest used for training; the "
        "splits were made with scikit-learn [@pedregosa2011].",
        NO_MOUSE_TWICE,
    ]


def _network(settings: Mapping) -> list[str]:
    model, classes = settings["model"], settings["labels"]["classes"]
    filters, side, pooling, units = model["filters"], model["kernel"], model["pooling"], model["lstm_units"]
    wide = f"{filters[0]} filters each" if len(set(filters)) == 1 else f"{_joined(filters)} filters"
    between = f", with {pooling} x {pooling} max pooling between blocks" if len(filters) > 1 else ""
    sentences = [
        "States were scored by the attention-based CNN-BiLSTM of Zhang et al. [@zhang2024].",
        f"Every frame goes through the same {_count(len(filters), 'block')} of two {side} x {side} convolutions "
        f"({wide}, stride 1, same padding, LeakyReLU of slope {LEAKY_SLOPE:g}){between} and global "
        "average pooling at the end.",
        *_spatial_attention(model),
        f"A bidirectional LSTM [@hochreiter1997] with {units} units a side (dropout {model['dropout']:g} on its input) "
        "reads the frames in order.",
    ]
    if model["temporal_attention"] == "additive":
        sentences.append(
            "Additive attention [@bahdanau2015], whose query is made from the LSTM's two final states and whose keys "
            f"from its sequence (both {2 * units} wide), weights the frames; the context is the weighted mean of the "
            "sequence."
        )
    else:
        sentences.append("The context is the mean of the sequence over time.")
    output = (
        "a dense layer with one sigmoid output" if len(classes) == 2 else f"a dense softmax layer of {len(classes)}"
    )
    counted = parameters(model, len(classes))
    each = _joined(f"{number:,} {part}" for part, number in counted.items())
    sentences += [
        f"The context goes through dropout {model['dropout']:g} and {output} to the probabilities of {_titles(classes)}"
        "; the state is the one of the highest probability.",
        f"The network has {sum(counted.values()):,} trainable parameters ({each}).",
    ]
    return sentences


def _spatial_attention(model: Mapping) -> list[str]:
    kind = model["spatial_attention"]
    if kind == "none":
        return []
    modules = {
        "simam": f"SimAM [@yang2021] (lambda {SIMAM_REGULARISATION:g})",
        "cbam": f"CBAM [@woo2018] (reduction {CBAM_REDUCTION}, {CBAM_KERNEL} x {CBAM_KERNEL} convolution)",
    }
    blocks = model["spatial_attention_blocks"]
    where = "every block" if blocks == "all" else f"block {_joined(blocks)}"
    return [f"The convolutions of {where} are followed by the attention module {modules[kind]}."]


def _training(training: Mapping) -> list[str]:
    loss = LOSSES[training["loss"]].format(**training)
    cited = " [@lin2017]" if training["loss"] == "focal" else ""
    batch, batches = training["batch_size"], training["gradient_accumulation"]
    steps = f"batches of {_count(batch, 'window')}"
    if batches > 1:
        steps += f", the gradients of {batches} batches averaged for a step"
    schedules = {
        "constant": "",
        "cosine": ", falling to zero along a cosine",
        "plateau": ", halved after ten passes without a lower validation loss",
    }
    sentences = [
        f"The network was trained with {loss}{cited} and Adam [@kingma2015] (learning rate "
        f"{training['learning_rate']:g}{schedules[training['schedule']]}), in {steps}, for up to "
        f"{_count(training['passes'], 'pass', 'passes')} through the training epochs (seed {training['seed']}).",
        "The weights of the pass with the lowest validation loss were kept.",
    ]
    if training["early_stopping"] is not None:
        sentences.append(
            f"Training was stopped after {_count(training['early_stopping'], 'pass', 'passes')} in a row without a "
            "lower validation loss."
        )
    if training["class_weights"] == "balanced":
        sentences.append("In the loss each state weighs inversely to how often it was scored.")
    augmented = [
        words
        for words, used in (
            ("mirrored left to right in half of the cases", training["augment_flip"]),
            (f"multiplied by a random factor of up to {training['augment_gain']:.0%} more or less",
             training["augment_gain"]),
            (f"given noise of standard deviation {training['augment_noise']:g}", training["augment_noise"]),
        )
        if used
    ]  # fmt: skip
    if augmented:
        sentences.append(f"Training windows were {_joined(augmented)}.")
    if training["shuffle_labels"]:
        sentences.append("As a control the labels of training and validation were dealt out at random.")
    if training["precision"] == "float32":
        sentences.append("Arithmetic was in single precision.")
    else:
        kind = training["precision"].removeprefix("mixed_")
        sentences.append(f"The convolutions were computed in {kind}, everything else in single precision.")
    if training["deterministic"]:
        sentences.append("Deterministic operations were used throughout.")
    return sentences


def _calibration() -> list[str]:
    low, high = TEMPERATURES
    return [
        "The probability of the state was calibrated by temperature scaling [@guo2017]: for each fold the temperature "
        f"(between {low:g} and {high:g}) with the lowest negative log-likelihood of the validation epochs, or 1 where "
        "all of them were scored rightly; it does not change the states. The expected calibration error [@guo2017] "
        f"over {N_BINS} bins of confidence is given before and after it."
    ]


def _explanations(model: Mapping) -> list[str]:
    sentences = [
        "Class activation maps were made by Grad-CAM [@selvaraju2017] and Grad-CAM++ [@chattopadhay2018] on the "
        "activation after the last convolution, for the test epochs that were scored rightly and for the winning "
        "state, scaled to 0..1 over the window, and averaged over time and epochs for each mouse and state; "
        "their means over the parcels of the atlas are given as well."
    ]
    if model["temporal_attention"] == "additive":
        sentences.append("The weights of the attention over time are given for every test epoch.")
    else:
        sentences.append("Without attention over time every frame of a window has the same weight.")
    return sentences


def _sleep(settings: Mapping) -> list[str]:
    sentences = [
        "The test epochs of each mouse were put in order of time, by the network's states and by those of the "
        "recordings. A bout is a chain of epochs of one state; artefacts, epochs without a state and the pauses "
        "between recordings end a bout, and no change of state is counted across them. The counts made as "
        "published, as if nothing lay between, are given beside these. The fragmentation index is the number of "
        "changes that leave a state of sleep, for each hour of sleep, after Haba-Rubio et al. [@habarubio2004]."
    ]
    if settings["folds"]["protocol"] == "pooled":
        sentences.append(
            "Of a pooled split only the test epochs, drawn at random, have a state here: most bouts are cut short."
        )
    if settings["analysis"]["scorers"]:
        sentences.append(f"Further scorers were set beside these: {_joined(settings['analysis']['scorers'])}.")
    return sentences


def _statistics(analysis: Mapping, n_experiments: int) -> list[str]:
    sentences = [
        "Accuracy, Cohen's kappa [@cohen1960], weighted F1 and the precision, recall and F1 of each state were "
        "computed from the test epochs of all folds together, of each fold and of each mouse.",
        f"Confidence intervals ({CONFIDENCE:.0%}) are Student's t intervals on the scale of Fisher's z, with the "
        f"standard error of a bootstrap [@efron1979; @hesterberg2015] of {analysis['bootstrap_resamples']:,} resamples "
        f"(seed {analysis['seed']}); what was drawn with replacement were mice, and the scored bouts where there is a "
        "single mouse.",
    ]
    sentences.append(
        "The published numbers of this network and of its forerunner on visibility graphs [@zhang2024; @zhang2022] are "
        "set beside these in published.tsv."
    )
    if analysis["scorers"]:
        sentences.append("The agreement of every two scorers is given as Cohen's kappa.")
    if n_experiments > 1:
        sentences.append(
            "Experiments were compared with the main one by the Wilcoxon signed-rank test [@wilcoxon1945] over mice "
            "that both tested, with p values corrected for the number of experiments [@holm1979] and the matched-pairs "
            "rank-biserial correlation as effect size [@kerby2014]."
        )
    return sentences


def _experiments(experiments: Mapping, described: str) -> list[str]:
    if len(experiments) == 1:
        return []
    sentences = [f"The sections above describe the experiment {escaped(described)}."]
    for name, settings in experiments.items():
        if name == described:
            continue
        changed = [
            f"{noun} ({_value(key, new, unit)} instead of {_value(key, old, unit)})"
            for section in SECTIONS
            for key, new, old in _changes(section, settings[section], experiments[described][section])
            for noun, unit in [SETTINGS[key]]
        ]
        differs = " and ".join([", ".join(changed[:-1]), changed[-1]]) if len(changed) > 1 else "".join(changed)
        sentences.append(
            f"The experiment {escaped(name)} differs from it in {differs}."
            if changed
            else f"The experiment {escaped(name)} has the same settings."
        )
    return sentences


def _changes(section: str, new: Mapping, old: Mapping) -> list[tuple[str, object, object]]:
    return [(f"{section}.{key}", value, old[key]) for key, value in new.items() if value != old[key]]


def _value(key: str, value: object, unit: str) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "labels.classes":
        return _titles(value)
    if key == "folds.fixed":
        return "; ".join(f"{split} {_joined(mice)}" for fold in value for split, mice in fold.items())
    if isinstance(value, Mapping | list):
        return _joined(value)
    words = f"{value:g}" if isinstance(value, float) else escaped(str(value))
    return f"{words} {unit}".rstrip()


def _software(provenance: Mapping) -> list[str]:
    versions, code = provenance["software"], provenance["code"]
    used = [
        f"{name} {versions[package]}{f' [@{key}]' if key else ''}"
        for package, (name, key) in SOFTWARE.items()
        if versions.get(package)
    ]
    sentences = [f"All steps are rules of the workflow wfci-sleep, run with {', '.join(used[:-1])} and {used[-1]}."]
    if code["commit"]:
        changed = ", with changes that were not committed" if code["changes"] else ""
        sentences.append(f"The code was that of commit {code['commit']}{changed}.")
    sentences.append("Settings, versions and checksums of the inputs are in provenance.json.")
    return sentences
