# What do the targets make? The files of figures and tables, and all results of the run and its experiments.

from wfci_sleep.catalogue import FIGURES, TABLES, WITHOUT
from wfci_sleep.layout import FRAMES, GRAPHS

MATLAB_FILES = [
    "y_trues.mat",
    "y_preds.mat",
    "y_scores.mat",
    "att_weights.mat",
    "subject_avg_gradcam.mat",
    "example_data.mat",
]

# What a movie shows, and what the published MATLAB scripts read.
FRAMES_AND_ATTENTION = ("frames", "attention")


def lacks(experiment, needs):
    """Why what needs all this has no meaning for an experiment, a clause; None if it has one."""
    of = EXPERIMENTS[experiment]
    network = kind_of(of["model"])
    here = {
        "sessions": is_by_mouse(of["folds"]),
        "frames": network.input == FRAMES,
        "graphs": network.input == GRAPHS,
        "attention": network.attention is not None,
        "learnt_attention": "temporal_attention" not in network.settings or of["model"]["temporal_attention"] != "mean",
        "training": of["training"]["passes"] > 0,
        "scorers": bool(of["analysis"]["scorers"]),
    }
    return next((WITHOUT[need] for need in needs if not here[need]), None)


def where_it_has(needs, what, files):
    """Input files, as a function of the wildcards; for an experiment that lacks what they need, it ends with one line."""

    def of(wildcards):
        experiment = getattr(wildcards, "experiment", MAIN)
        if reason := lacks(experiment, needs):
            stop(f"{what} has no meaning for the experiment {experiment}: {reason}")
        return files(wildcards) if callable(files) else files

    return of


# Experiments whose results are wanted as MATLAB files.
WITH_MATLAB = [name for name in SHOWN if EXPERIMENTS[name]["analysis"]["matlab"]]
if workflow.is_main_process:
    for name in WITH_MATLAB:
        if reason := lacks(name, FRAMES_AND_ATTENTION):
            print(f"warning: the experiment {name} has no MATLAB files (analysis.matlab): {reason}", file=sys.stderr)

# Where results lie, by what they are about; with a wildcard for the experiment, or the series of experiments.
FOLDERS = {"run": RESULTS, "comparison": RESULTS, **{of: f"{RESULTS}/{{{of}}}" for of in ("experiment", "series")}}


def figure_path(figure):
    """Path of a figure's files without suffix, with wildcards for the experiment or series and the mouse."""
    return f"{FOLDERS[figure.of]}/figures/{figure.stem}"


def figure_files(name, experiment):
    """SVG files of a figure, each made together with its PNG; none where the figure has no meaning."""
    figure = FIGURES[name]
    if figure.of == "series":
        return expand(f"{figure_path(figure)}.svg", series=SERIES)
    if lacks(experiment, figure.needs):
        return []
    shown = tested_mice(experiment) if figure.of == "experiment" else mice()
    return [
        f"{figure_path(figure)}.svg".format(experiment=experiment, mouse=mouse)
        for mouse in (shown if figure.each_mouse else [None])
    ]


def figure_target(name):
    """The files of a figure's target, of the main experiment, as a function of the wildcards."""
    if FIGURES[name].of == "series" and not SERIES:
        return lambda wildcards: stop(f"figure_{name} has no meaning here: no experiment has model.regions each")
    return where_it_has(FIGURES[name].needs, f"figure_{name}", lambda wildcards: figure_files(name, MAIN))


def figures_of(kind, experiment=MAIN):
    """Every figure of a kind: run, experiment, series, comparison."""
    return [path for name, figure in FIGURES.items() if figure.of == kind for path in figure_files(name, experiment)]


def table_path(table):
    """Path of a table, with a wildcard for the experiment or series."""
    return f"{RESOURCES if table.of == 'run' else FOLDERS[table.of]}/{table.name}.tsv"


def tables_of_kind(kind, experiment=MAIN):
    """Tables of a kind: run, experiment, series, comparison; those that have a meaning for the experiment."""
    if kind == "series":
        return [
            path for table in TABLES.values() if table.of == kind for path in expand(table_path(table), series=SERIES)
        ]
    tables = [table for table in TABLES.values() if table.of == kind and not lacks(experiment, table.needs)]
    return [table_path(table).format(experiment=experiment) for table in tables]


def tables_of(experiment):
    """Tables of an experiment, and its MATLAB files where they are wanted and it has what they hold."""
    matlab = (
        [] if lacks(experiment, FRAMES_AND_ATTENTION) or experiment not in WITH_MATLAB else matlab_index(experiment)
    )
    return [*tables_of_kind("experiment", experiment), f"{RESULTS}/{experiment}/metrics.json", *matlab]


def figures_of_experiment(experiment):
    """Every figure of an experiment."""
    return figures_of("experiment", experiment)


def tables_of_run():
    """Tables of the recordings."""
    return [*tables_of_kind("run"), *for_each_recording(f"{RESOURCES}/parcels/{{mouse}}/{{recording}}.tsv")]


def comparison_tables():
    """Tables that compare all experiments."""
    return tables_of_kind("comparison")


def of_experiment(experiment):
    """All results of an experiment."""
    return [*tables_of(experiment), *figures_of_experiment(experiment), *pages_of(experiment)]


def of_comparison():
    """All comparisons of the experiments, with each other and with the paper."""
    return [*comparison_tables(), *figures_of("comparison"), *pages_of_comparison()]


def window_indices(experiment):
    """The index of the windows of each recording."""
    return for_each_recording(f"{RESOURCES}/windows/{windowing(experiment)}/{{mouse}}/{{recording}}.tsv")


def networks_of(experiment):
    """The network of each fold of an experiment, its history and its scores."""
    names = ["model.keras", "history.csv", "predictions.tsv", "calibration.json", "gradcam.h5"]
    if not lacks(experiment, ("attention",)):
        names.append("attention.h5")
    return [f"{RESULTS}/{experiment}/fold-{fold}/{name}" for fold in folds_of(experiment) for name in names]


# The experiments that the target `all` makes: the main one, and those whose networks it shows beside its own.
OF_ALL = [MAIN, *EXPERIMENTS[MAIN]["analysis"]["networks"]]


def for_all(function):
    """What a function of an experiment gives for those of the target `all`."""
    return [path for name in OF_ALL for path in function(name)]


def unless_others(function, *arguments):
    """What needs every experiment, for the target `all`: nothing if there are others than those it makes."""
    return function(*arguments) if {*OF_ALL} == {*EXPERIMENTS} else []


def of_series():
    """What the experiments of one parcel each come to."""
    return [*tables_of_kind("series"), *figures_of("series")]


def of_main(wildcards):
    """All results of the run, of the main experiment, and of those whose networks it shows."""
    run = [*documents(), *tables_of_run(), *figures_of("run")]
    return [*run, *for_all(of_experiment), *unless_others(of_comparison)]


def of_paper(wildcards):
    """All results of every experiment, their comparisons, and the RO-Crate that describes them."""
    experiments = [path for name in SHOWN for path in of_experiment(name)]
    return [*of_main(wildcards), *experiments, *of_series(), *of_comparison(), f"{RESULTS}/ro-crate-metadata.json"]


def of_sweep(wildcards):
    """Measures and confusion of each length of window, and the figure of them all."""
    measures = [f"{RESULTS}/{name}/{kind}" for name in OF_LENGTHS for kind in ("metrics.tsv", "figures/confusion.svg")]
    return [*measures, f"{RESULTS}/figures/window_length.svg"]


def matlab_index(experiment):
    """The index of an experiment's MATLAB files; the files come with it."""
    return [f"{RESULTS}/{experiment}/matlab/epochs.tsv"]


def made_examples(wildcards):
    """The examples of an experiment that are there; none is made for this."""
    files = Path(RESULTS, wildcards.experiment, "examples").glob("*.h5")
    # A killed step leaves a hidden file.
    return sorted(str(file) for file in files if not file.name.startswith("."))


def made_for_main(wildcards):
    """At least a file of every step behind the experiments of the target `all`, their figures and those of the run."""
    return [
        *for_each_recording(f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv"),
        *for_all(window_indices),
        *expand(f"{RESULTS}/{{experiment}}/folds.tsv", experiment=OF_ALL),
        *for_all(networks_of),
        *for_all(of_experiment),
        *figures_of("run"),
        *unless_others(of_comparison),
    ]


def every_figure():
    """Every figure of the run and of every experiment."""
    figures = [path for experiment in SHOWN for path in figures_of_experiment(experiment)]
    return [*figures_of("run"), *figures, *figures_of("series"), *figures_of("comparison")]


def every_table(wildcards):
    """Every table of every experiment."""
    tables = [*tables_of_kind("series"), *(path for experiment in SHOWN for path in tables_of(experiment))]
    return [*tables_of_run(), *comparison_tables(), *tables]
