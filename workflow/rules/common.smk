# What the rules share: the settings, which recordings there are, where things lie.

import fcntl
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "scripts")))

from wfci_sleep import settings, sources
from wfci_sleep.errors import InputError
from wfci_sleep.explanations import METHOD_TITLES
from wfci_sleep.files import read_table
from wfci_sleep.folds import n_folds
from wfci_sleep.scorers import check_scorers
from wfci_sleep.windows import family_name, windowing_name


def or_stop(function, *arguments):
    """Call a function of the library; a user's mistake stops the workflow with its one line."""
    try:
        return function(*arguments)
    except InputError as error:
        # Nothing of the library's call stack: the line says all there is to say.
        raise WorkflowError(str(error)) from None


CONFIG_FILES = [os.path.relpath(path) for path in workflow.configfiles]
SCHEMA = Path(workflow.basedir, "workflow", "schemas", "config.schema.yaml")
CONFIG = or_stop(settings.resolve, config, SCHEMA, ", ".join(CONFIG_FILES) or "the configuration")
DATASET = CONFIG["dataset"]
EXPERIMENTS = CONFIG["experiments"]
# Experiment -> length in seconds, of the experiments that differ in the length of their windows only.
LENGTHS = settings.length_sweep(EXPERIMENTS)
WINDOWINGS = {windowing_name(e["windows"]): e["windows"] for e in EXPERIMENTS.values()}
# Windowings that differ in length only and are cut together, by what their names have in common.
TOGETHER = settings.windowings_together(WINDOWINGS.values(), CONFIG["sweep"]["seconds"])
ALONE = [name for name in WINDOWINGS if not any(name in family for family in TOGETHER.values())]

RUN = CONFIG["run"]["name"]
RESOURCES = f"resources/{RUN}"
RESULTS = f"results/{RUN}"
LOGS = f"logs/{RUN}"
BENCHMARKS = f"benchmarks-of-rules/{RUN}"

NOTE = "Synthetic data: not a scientific result" if DATASET["source"] == "synthetic" else ""


wildcard_constraints:
    mouse=r"[^/]+",
    recording=r"[^/]+",
    windowing="|".join(WINDOWINGS),
    experiment="|".join(EXPERIMENTS),
    fold=r"\d+",
    method="|".join(METHOD_TITLES),
    counted="|_published",
    atlas="|_atlas",
    which=r"[^/]+",
    format="mp4|gif",


def hold_run_lock():
    """Let one run at a time work in this folder.

    The kernel gives the lock back when the process ends, however it ends. Snakemake's own lock is a file that outlives
    a killed process and would keep the next run from starting; the default profile switches it off.
    """
    global RUN_LOCK
    RUN_LOCK = open(".snakemake/wfci-sleep.lock", "w")
    try:
        fcntl.flock(RUN_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WorkflowError("another run of the workflow is at work in this folder; wait until it has ended") from None


# --- recordings --------------------------------------------------------------------------------------------------------


def synthetic_recordings():
    """Table of the recordings that will be synthesised: mouse, recording, order, path."""
    from wfci_sleep import synthesis

    table = synthesis.synthetic_recordings(DATASET["synthetic"])
    keys = zip(table["mouse"], table["recording"])
    return table.assign(path=[f"{RESOURCES}/raw/{mouse}/{recording}.mat" for mouse, recording in keys])


def local_recordings():
    """Table of the user's recordings: mouse, recording, order, path."""
    return or_stop(sources.local_recordings, DATASET["local"]["path"])


def physionet_index():
    """Table of the database's files that the run needs; known once the checkpoint has run."""
    return read_table(checkpoints.index.get().output[0])


def physionet_recordings():
    """Table of the database's recordings: mouse, recording, order, path."""
    index = physionet_index()
    return index[index["mouse"].notna()]


@cache
def recording_table():
    """Table of all recordings of the run in natural order: mouse, recording, order, path."""
    listing = {"synthetic": synthetic_recordings, "local": local_recordings, "physionet": physionet_recordings}
    return listing[DATASET["source"]]()


@cache
def recording_keys():
    """(mouse, recording) of every recording."""
    table = recording_table()
    return list(zip(table["mouse"], table["recording"]))


@cache
def raw_paths():
    """(mouse, recording) -> .mat file."""
    return dict(zip(recording_keys(), recording_table()["path"]))


def mice():
    """Names of the mice, in natural order."""
    return list(dict.fromkeys(recording_table()["mouse"]))


def raw_recording(wildcards):
    """The .mat file of a recording."""
    return raw_paths()[wildcards.mouse, wildcards.recording]


def threads_of_a_recording(wildcards):
    """Cores for one recording: one, or more where there are more cores than recordings to keep them busy."""
    return min(8, max(1, (workflow.cores or 1) // len(recording_keys())))


def published_sha256(wildcards):
    """SHA-256 that a recording must have by the database's list, None for other sources."""
    if DATASET["source"] != "physionet":
        return None
    index = physionet_index().set_index(["mouse", "recording"])
    return index.loc[(wildcards.mouse, wildcards.recording), "sha256"]


def for_each_recording(pattern, **wildcards):
    """A path for each recording."""
    return [pattern.format(mouse=mouse, recording=recording, **wildcards) for mouse, recording in recording_keys()]


def source_atlas():
    """The atlas file that the run starts from."""
    if DATASET["atlas"] is not None:
        return DATASET["atlas"]
    if DATASET["source"] == "synthetic":
        return f"{RESOURCES}/raw/atlas.mat"
    if DATASET["source"] == "physionet":
        index = physionet_index()
        return index.loc[index["mouse"].isna(), "path"].item()
    return or_stop(sources.find_atlas, DATASET["local"]["path"])


# --- experiments -------------------------------------------------------------------------------------------------------


def setting(section):
    """A section of the experiment's settings, as a function of the wildcards."""
    return lambda wildcards: EXPERIMENTS[wildcards.experiment][section]


def windowing(experiment):
    """Name of an experiment's windowing."""
    return windowing_name(EXPERIMENTS[experiment]["windows"])


def shards(wildcards):
    """Shards of all recordings for an experiment."""
    return for_each_recording(
        f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tfrecord", windowing=windowing(wildcards.experiment)
    )


def indices(wildcards):
    """Indices of all recordings' windows for an experiment."""
    return for_each_recording(
        f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv", windowing=windowing(wildcards.experiment)
    )


@cache
def folds_of(experiment):
    """Numbers of an experiment's folds."""
    return range(1, 1 + or_stop(n_folds, EXPERIMENTS[experiment]["folds"], mice()))


def for_each_fold(name):
    """A file of each fold, as a function of the wildcards."""
    return lambda wildcards: [
        f"{RESULTS}/{wildcards.experiment}/fold-{fold}/{name}" for fold in folds_of(wildcards.experiment)
    ]


def tested_mice(experiment):
    """Mice that are in the test split of some fold."""
    folds = EXPERIMENTS[experiment]["folds"]
    if folds["protocol"] != "fixed":
        return mice()
    return [mouse for mouse in mice() if any(mouse in fold["test"] for fold in folds["fixed"])]


# What cannot work is refused before any job, and here: an input function's error would drag a traceback along.
for settings_of_experiment in EXPERIMENTS.values():
    or_stop(check_scorers, settings_of_experiment["analysis"]["scorers"])
# The database's recordings are not known here yet: its checkpoint does the same for them.
if DATASET["source"] != "physionet":
    for experiment in EXPERIMENTS:
        folds_of(experiment)
    source_atlas()
elif "connections" not in workflow.global_resources:
    workflow.register_resource("connections", DATASET["physionet"]["connections"])


def intervals(wildcards):
    """How an experiment's confidence intervals are made."""
    analysis = EXPERIMENTS[wildcards.experiment]["analysis"]
    return {key: analysis[key] for key in ("bootstrap_resamples", "seed")}


def scorer_names(wildcards):
    """Names of an experiment's further scorers."""
    return list(EXPERIMENTS[wildcards.experiment]["analysis"]["scorers"])


def scorer_tables(wildcards):
    """Their tables, in the same order."""
    return list(EXPERIMENTS[wildcards.experiment]["analysis"]["scorers"].values())


# --- report ------------------------------------------------------------------------------------------------------------

# The questions that the report answers: its categories, which it sorts by name.
SOUND = "1. Are the recordings sound?"
AGREEMENT = "2. Does the network agree with the experts?"
SLEEP = "3. How does the mouse sleep?"
LOOK = "4. Where and when does the network look?"
COMPARISON = "5. How does it compare with the paper?"

# Table -> the question that it answers, and what the report calls it.
TABLE_PAGES = {
    "quality": (SOUND, "recordings, checked"),
    "metrics": (AGREEMENT, "measures"),
    "agreement": (AGREEMENT, "agreement of scorers"),
    "sleep": (SLEEP, "sleep of each mouse"),
    "fragmentation": (SLEEP, "fragmentation"),
    "transitions": (SLEEP, "changes of state"),
    "gradcam_parcels": (LOOK, "class activation by parcel"),
    "published": (COMPARISON, "beside the published numbers"),
}
RUN_TABLES = {"quality": f"{RESOURCES}/quality.tsv", "published": f"{RESULTS}/published.tsv"}


def question(wildcards):
    """The question that a table answers: its category in the report."""
    return TABLE_PAGES[wildcards.table][0]


def page_title(wildcards):
    """What the report calls a table."""
    return TABLE_PAGES[wildcards.table][1]


def every_page():
    """What the report shows beside figures: its opening page's facts, and a page for each table."""
    names = [name for name in TABLE_PAGES if name not in RUN_TABLES]
    pages = [f"{RESULTS}/{experiment}/tables/{name}.html" for experiment in EXPERIMENTS for name in names]
    return [f"{RESULTS}/overview.rst", *(f"{RESULTS}/tables/{name}.html" for name in RUN_TABLES), *pages]


# --- figures -----------------------------------------------------------------------------------------------------------


def drawn_by(module):
    """The code that draws a figure, an input of its rule: a change of the style draws figures anew, and nothing else."""
    figures = os.path.relpath(Path(workflow.basedir, "workflow", "scripts", "wfci_sleep", "figures"))
    return [f"{figures}/style.py", f"{figures}/{module}.py"]


# --- targets -----------------------------------------------------------------------------------------------------------

TABLES = [
    "metrics.json",
    "metrics.tsv",
    "fragmentation.tsv",
    "bouts.tsv",
    "transitions.tsv",
    "sleep.tsv",
    "agreement.tsv",
    "gradcam_parcels.tsv",
]
MATLAB_FILES = [
    "y_trues.mat",
    "y_preds.mat",
    "y_scores.mat",
    "att_weights.mat",
    "subject_avg_gradcam.mat",
    "example_data.mat",
]
FIGURES = [
    "confusion",
    "performance",
    "reliability",
    *(f"{method}{kind}" for method in METHOD_TITLES for kind in ("", "_atlas", "_parcels")),
    "attention_time_course",
    "attention_distribution",
    "attention_transitions",
    "fragmentation",
    "fragmentation_published",
    "learning",
]
MOUSE_FIGURES = ["hypnogram", "attention_session"]


def every_table(wildcards):
    """Every table that a run ends with."""
    tables = [f"{RESULTS}/{experiment}/{name}" for experiment in EXPERIMENTS for name in TABLES]
    return [
        f"{RESULTS}/published.tsv",
        f"{RESOURCES}/recordings.tsv",
        f"{RESOURCES}/quality.tsv",
        *tables,
        *matlab_indices(name for name in EXPERIMENTS if EXPERIMENTS[name]["analysis"]["matlab"]),
        *parcel_traces(),
    ]


def matlab_indices(experiments):
    """The index of the MATLAB files of some experiments; the files come with it."""
    return [f"{RESULTS}/{experiment}/matlab/epochs.tsv" for experiment in experiments]


def made_examples(wildcards):
    """The examples of an experiment that were made: nobody has to ask for one."""
    return sorted(map(str, Path(RESULTS, wildcards.experiment, "examples").glob("*.h5")))


def parcel_traces():
    """The table of parcel traces of every recording."""
    return for_each_recording(f"{RESOURCES}/parcels/{{mouse}}/{{recording}}.tsv")


def every_figure(wildcards):
    """Every figure that a run ends with; the PNG of each comes with its SVG."""
    figures = [f"{RESULTS}/figures/recordings.svg", f"{RESULTS}/figures/window_length.svg"]
    figures += [f"{RESULTS}/figures/registration-{mouse}.svg" for mouse in mice()]
    for experiment, settings_of_experiment in EXPERIMENTS.items():
        of_mice = [*MOUSE_FIGURES, *(["raters"] if settings_of_experiment["analysis"]["scorers"] else [])]
        names = [*FIGURES, *(f"{name}-{mouse}" for name in of_mice for mouse in tested_mice(experiment))]
        figures += [f"{RESULTS}/{experiment}/figures/{name}.svg" for name in names]
    return figures


def every_movie(wildcards):
    """A movie of each state of every experiment."""
    return [
        f"{RESULTS}/{experiment}/movies/{state}.mp4"
        for experiment, settings_of_experiment in EXPERIMENTS.items()
        for state in settings_of_experiment["labels"]["classes"]
    ]
