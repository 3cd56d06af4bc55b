# What does an experiment consist of? Its settings, windows, folds and further raters.

from wfci_sleep.analysis.networks import network_names
from wfci_sleep.analysis.raters import check_raters
from wfci_sleep.models.registry import kind_of
from wfci_sleep.models.weights import weight_files
from wfci_sleep.training.folds import is_by_mouse, mice_of_fold, mice_under_test, n_folds


def setting(section):
    """A section of the experiment's settings, as a function of the wildcards."""
    return lambda wildcards: EXPERIMENTS[wildcards.experiment][section]


def classes(wildcards):
    """Names of the states that the experiment's networks tell apart."""
    return EXPERIMENTS[wildcards.experiment]["labels"]["classes"]


def of_training(key):
    """A key of the experiment's training settings, as a function of the wildcards."""
    return lambda wildcards: EXPERIMENTS[wildcards.experiment]["training"][key]


def channels(wildcards):
    """Positions of the channels of a window that the experiment's networks see; None for all."""
    model = EXPERIMENTS[wildcards.experiment]["model"]
    return kind_of(model).channels(model)


def weights_of(experiment):
    """The files of the weights that are given for an experiment's networks, if any."""
    weights = EXPERIMENTS[experiment]["model"]["weights"]
    return [] if weights is None else or_stop(weight_files, weights)


def given_weights(wildcards):
    """The same as input of a rule; they are read in place, whatever storage the run has."""
    return [local(path) for path in weights_of(wildcards.experiment)]


def every_given_weights(wildcards):
    """The files of all weights that are given, each once."""
    return [local(path) for path in dict.fromkeys(path for name in EXPERIMENTS for path in weights_of(name))]


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


def expected_of_fold(wildcards):
    """What `read_fold` compares a fold's epochs with."""
    folds = EXPERIMENTS[wildcards.experiment]["folds"]
    return {"mice": mice_of_fold(folds, mice(), int(wildcards.fold)), "by_mouse": is_by_mouse(folds)}


def for_each_fold(name):
    """A file of each fold, as a function of the wildcards."""
    return lambda wildcards: [
        f"{RESULTS}/{wildcards.experiment}/fold-{fold}/{name}" for fold in folds_of(wildcards.experiment)
    ]


def tested_mice(experiment):
    """Mice that are in the test split of some fold."""
    return mice_under_test(EXPERIMENTS[experiment]["folds"], mice())


# Path -> name of each further rater; experiments share most of them.
RATER_TABLES = {path: name for e in EXPERIMENTS.values() for name, path in e["analysis"]["scorers"].items()}

# Mistakes stop the workflow here, before any job: an error in an input function would come with a traceback.
# The database's recordings are not known yet: the checkpoint list_database checks them in the same way.
check_excluded_epochs()
if workflow.is_main_process:
    for experiment in EXPERIMENTS:
        weights_of(experiment)
if DATASET["source"] != "physionet":
    if workflow.is_main_process:
        for note in listing_notes():
            print(f"warning: {note}", file=sys.stderr)
    for experiment in EXPERIMENTS:
        folds_of(experiment)
    source_atlas()
    or_stop(check_raters, RATER_TABLES, recordings_with_epochs())

    # No rule makes a target for a mouse or a recording that isn't there.
    wildcard_constraints:
        mouse="|".join(map(re.escape, mice())),
        recording="|".join(map(re.escape, recording_table()["recording"].unique())),

elif "connections" not in workflow.global_resources:
    workflow.register_resource("connections", DATASET["physionet"]["connections"])


def intervals(wildcards):
    """How an experiment's confidence intervals are made."""
    analysis = EXPERIMENTS[wildcards.experiment]["analysis"]
    return {key: analysis[key] for key in ("bootstrap_resamples", "seed")}


def shown_networks(wildcards):
    """Experiments whose networks are shown together, the experiment's own first."""
    return [wildcards.experiment, *EXPERIMENTS[wildcards.experiment]["analysis"]["networks"]]


def network_predictions(wildcards):
    """Predictions of every fold of each of these networks."""
    experiments = shown_networks(wildcards)
    return [f"{RESULTS}/{name}/fold-{fold}/predictions.tsv" for name in experiments for fold in folds_of(name)]


def network_raters(wildcards):
    """The network behind each of these files, by its name among the raters."""
    raters = network_names({name: EXPERIMENTS[name]["model"]["kind"] for name in shown_networks(wildcards)})
    return [rater for name, rater in raters.items() for _ in folds_of(name)]


def rater_names(wildcards):
    """Names of an experiment's further raters."""
    return list(EXPERIMENTS[wildcards.experiment]["analysis"]["scorers"])


def rater_tables(wildcards):
    """Their tables, in the same order."""
    return [local(path) for path in EXPERIMENTS[wildcards.experiment]["analysis"]["scorers"].values()]
