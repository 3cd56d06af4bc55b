# What the rules share: the settings, which recordings there are, where things lie.

import fcntl
import os
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "scripts")))

from wfci_sleep import settings, sources
from wfci_sleep.errors import InputError
from wfci_sleep.explanations import METHOD_TITLES
from wfci_sleep.files import read_table
from wfci_sleep.folds import is_by_mouse, mice_under_test, n_folds
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
# The experiment that the target `all` makes, and that others are compared with.
MAIN = "main" if "main" in EXPERIMENTS else next(iter(EXPERIMENTS))
# Experiment -> what its numbers can be compared with: its protocol and its states.
QUESTIONS = {name: {section: e[section] for section in ("folds", "labels")} for name, e in EXPERIMENTS.items()}
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


def same_workflow():
    """The command that calls Snakemake on this workflow with this configuration, up to the targets."""
    files, values = workflow.overwrite_configfiles, workflow.config_settings.config_args
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile),
        *(["--configfile", *map(str, files)] if files else []),
        *(["--config", *values] if values else []),
        "--",
    ]


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
    """The .mat file of a recording; the user's own is read where it lies, whatever storage the run has."""
    path = raw_paths()[wildcards.mouse, wildcards.recording]
    return local(path) if DATASET["source"] == "local" else path


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
    """The atlas file that the run starts from; the user's own is read where it lies."""
    if DATASET["atlas"] is not None:
        return local(DATASET["atlas"])
    if DATASET["source"] == "synthetic":
        return f"{RESOURCES}/raw/atlas.mat"
    if DATASET["source"] == "physionet":
        index = physionet_index()
        return index.loc[index["mouse"].isna(), "path"].item()
    return local(or_stop(sources.find_atlas, DATASET["local"]["path"]))


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
    return mice_under_test(EXPERIMENTS[experiment]["folds"], mice())


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
    return [local(path) for path in EXPERIMENTS[wildcards.experiment]["analysis"]["scorers"].values()]


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
    "transition_distance": (AGREEMENT, "by distance to the next change of state"),
    "published": (COMPARISON, "beside the published numbers"),
    "comparison": (COMPARISON, "experiments beside each other"),
}
RUN_TABLES = {
    "quality": f"{RESOURCES}/quality.tsv",
    "published": f"{RESULTS}/published.tsv",
    "comparison": f"{RESULTS}/comparison.tsv",
}


def question(wildcards):
    """The question that a table answers: its category in the report."""
    return TABLE_PAGES[wildcards.table][0]


def page_title(wildcards):
    """What the report calls a table."""
    return TABLE_PAGES[wildcards.table][1]


# --- figures -----------------------------------------------------------------------------------------------------------


def drawn_by(module):
    """The code that draws a figure, an input of its rule: a change of the style draws figures anew, and nothing else."""
    figures = os.path.relpath(Path(workflow.basedir, "workflow", "scripts", "wfci_sleep", "figures"))
    return [local(f"{figures}/{name}.py") for name in ("style", module)]


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
    "transition_distance.tsv",
]
MATLAB_FILES = [
    "y_trues.mat",
    "y_preds.mat",
    "y_scores.mat",
    "att_weights.mat",
    "subject_avg_gradcam.mat",
    "example_data.mat",
]


class Figure(NamedTuple):
    """What there is to know of a figure before it is drawn."""

    shows: str
    of: str = "experiment"  # or run, or comparison (of all experiments)
    each_mouse: bool = False
    needs: tuple[str, ...] = ()  # of an experiment: what would leave the figure without meaning if it were missing


FIGURES = {
    "recordings": Figure("The recordings: states, masks, warnings", "run"),
    "registration": Figure("Registration of mask and atlas", "run", each_mouse=True),
    "confusion": Figure("Confusion matrix"),
    "performance": Figure("Accuracy, F1 and kappa, pooled and by mouse"),
    "reliability": Figure("Calibration: accuracy against confidence"),
    "transition_distance": Figure("Epochs scored rightly, by their distance to the next change of state"),
    "learning": Figure("Learning curves of every fold"),
    "hypnogram": Figure("Hypnograms of network and human", each_mouse=True, needs=("sessions",)),
    "raters": Figure("Hypnograms of the human scorers", each_mouse=True, needs=("sessions", "scorers")),
    "fragmentation": Figure("Fragmentation of sleep: bouts and transitions", needs=("sessions",)),
    "fragmentation_published": Figure(
        "Fragmentation of sleep, counted across gaps as in the paper", needs=("sessions",)
    ),
    "gradcam": Figure("Grad-CAM, mice by states"),
    "gradcam_atlas": Figure("Grad-CAM in even colours, with the outlines of the parcels"),
    "gradcam_parcels": Figure("Grad-CAM by parcel, ranked, with the spread over mice"),
    "gradcam_plus_plus": Figure("Grad-CAM++, mice by states"),
    "gradcam_plus_plus_atlas": Figure("Grad-CAM++ in even colours, with the outlines of the parcels"),
    "gradcam_plus_plus_parcels": Figure("Grad-CAM++ by parcel, ranked, with the spread over mice"),
    "attention_time_course": Figure("Attention over the window", needs=("attention",)),
    "attention_distribution": Figure("Distribution of attention", needs=("attention",)),
    "attention_transitions": Figure("Attention near changes of state", needs=("sessions", "attention")),
    "attention_session": Figure("Attention over the session", each_mouse=True, needs=("sessions", "attention")),
    "published": Figure("The published numbers beside ours", "comparison"),
    "comparison": Figure("The experiments beside each other, mouse by mouse", "comparison"),
    "window_length": Figure("F1 and kappa by length of the window", "comparison"),
}


def has(experiment, need):
    """Whether an experiment has what a figure needs."""
    of = EXPERIMENTS[experiment]
    return {
        # A random tenth of the epochs is no session.
        "sessions": is_by_mouse(of["folds"]),
        # The mean over time weighs every frame alike.
        "attention": of["model"]["temporal_attention"] != "mean",
        "scorers": bool(of["analysis"]["scorers"]),
    }[need]


def figure_files(name, experiment):
    """SVG files of a figure; the PNG of each comes with it. None for an experiment of which it has no meaning."""
    figure = FIGURES[name]
    folder = f"{RESULTS}/{experiment}" if figure.of == "experiment" else RESULTS
    if not all(has(experiment, need) for need in figure.needs):
        return []
    if not figure.each_mouse:
        return [f"{folder}/figures/{name}.svg"]
    shown = tested_mice(experiment) if figure.of == "experiment" else mice()
    return [f"{folder}/figures/{name}-{mouse}.svg" for mouse in shown]


def figures_of(kind, experiment=MAIN):
    """Every figure of a kind: run, experiment, comparison."""
    return [path for name, figure in FIGURES.items() if figure.of == kind for path in figure_files(name, experiment)]


def tables_of(experiment):
    """Tables of an experiment, and its MATLAB files where they are wanted."""
    matlab = matlab_index(experiment) if EXPERIMENTS[experiment]["analysis"]["matlab"] else []
    return [*(f"{RESULTS}/{experiment}/{name}" for name in TABLES), *matlab]


def tables_of_run():
    """Tables of the recordings."""
    traces = for_each_recording(f"{RESOURCES}/parcels/{{mouse}}/{{recording}}.tsv")
    return [f"{RESOURCES}/recordings.tsv", f"{RESOURCES}/quality.tsv", *traces]


def pages_of(experiment):
    """The report's pages of an experiment's tables."""
    return [f"{RESULTS}/{experiment}/tables/{name}.html" for name in TABLE_PAGES if name not in RUN_TABLES]


def documents():
    """What says how the run was made: for machines, for a paper, for the report's opening page."""
    return [f"{RESULTS}/{name}" for name in ("provenance.json", "methods.md", "overview.rst", "tables/quality.html")]


def comparison_tables():
    """Tables that take every experiment."""
    return [f"{RESULTS}/published.tsv", f"{RESULTS}/comparison.tsv"]


def of_experiment(experiment):
    """All that an experiment ends with."""
    return [*tables_of(experiment), *figures_of("experiment", experiment), *pages_of(experiment)]


def of_comparison():
    """All that takes every experiment: the comparisons between them and with the paper."""
    pages = [f"{RESULTS}/tables/{name}.html" for name in RUN_TABLES if name != "quality"]
    return [*comparison_tables(), *figures_of("comparison"), *pages]


def unless_others(function, *arguments):
    """What takes every experiment, for a target of the main one: nothing if there are others to wait for."""
    return function(*arguments) if len(EXPERIMENTS) == 1 else []


def of_main(wildcards):
    """All that the main experiment ends with."""
    run = [*documents(), *tables_of_run(), *figures_of("run")]
    return [*run, *of_experiment(MAIN), *unless_others(of_comparison)]


def of_paper(wildcards):
    """All that every experiment ends with, what compares them, and the crate that describes everything."""
    experiments = [path for name in EXPERIMENTS for path in of_experiment(name)]
    return [*of_main(wildcards), *experiments, *of_comparison(), f"{RESULTS}/ro-crate-metadata.json"]


def of_sweep(wildcards):
    """Measures and confusion of each length of window, and the figure of them all."""
    measures = [f"{RESULTS}/{name}/{kind}" for name in LENGTHS for kind in ("metrics.tsv", "figures/confusion.svg")]
    return [*measures, f"{RESULTS}/figures/window_length.svg"]


def matlab_index(experiment):
    """The index of an experiment's MATLAB files; the files come with it."""
    return [f"{RESULTS}/{experiment}/matlab/epochs.tsv"]


def made_examples(wildcards):
    """The examples of an experiment that were made: nobody has to ask for one."""
    return sorted(map(str, Path(RESULTS, wildcards.experiment, "examples").glob("*.h5")))


def every_table(wildcards):
    """Every table of every experiment."""
    tables = [path for experiment in EXPERIMENTS for path in tables_of(experiment)]
    return [*tables_of_run(), *comparison_tables(), *tables]


# --- what is missing ----------------------------------------------------------------------------------------------------


def missing_of(experiment):
    """What an experiment does not have yet, in the order in which it is made."""
    folds = [f"{RESULTS}/{experiment}/fold-{fold}" for fold in folds_of(experiment)]
    made = [f"{fold}/{name}" for name in ("model.keras", "predictions.tsv") for fold in folds]
    paths = [f"{RESULTS}/{experiment}/folds.tsv", *made, *of_experiment(experiment)]
    return [path for path in paths if not os.path.exists(path)]


def say_what_is_missing():
    """After a failure: which experiments that were begun are not complete, and where each one's trouble starts."""
    if DATASET["source"] == "physionet" and not os.path.exists(f"{RESOURCES}/index.tsv"):
        return
    begun = [name for name in EXPERIMENTS if os.path.exists(f"{RESULTS}/{name}")]
    for experiment in begun:
        missing = missing_of(experiment)
        found = f"incomplete, {len(missing)} files are missing, the first is {missing[0]}" if missing else "complete"
        print(f"Experiment {experiment}: {found}", file=sys.stderr)
    if begun:
        print("Run the same command again to make what is missing; what is there is kept.", file=sys.stderr)
