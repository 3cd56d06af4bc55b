"""wfci-sleep: sleep states of mice from wide-field calcium imaging, from recordings to the paper's figures."""

from snakemake.utils import min_version

min_version("9.0")


# A configuration named on the command line replaces the paper's, instead of being mixed with it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/acquire.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/document.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/pages.smk"
include: "workflow/rules/estimate.smk"


# They call Snakemake themselves.
localrules:
    report,
    estimate,


onstart:
    if set(workflow.dag_settings.targets) != {"estimate"}:
        hold_run_lock()


onerror:
    say_what_is_missing()


rule all:
    """The main experiment: every table and figure, and the record of how they were made."""
    default_target: True
    input:
        of_main,


rule paper:
    """The whole study: every experiment, the comparisons between them, the published numbers beside ours."""
    input:
        of_paper,


rule sweep:
    """The experiments that differ in the length of their windows only, and the curve over the lengths."""
    input:
        of_sweep,


rule tables:
    """Every table of the main experiment."""
    input:
        lambda wildcards: [*tables_of_run(), *tables_of(MAIN), *unless_others(comparison_tables)],


rule figures:
    """Every figure of the recordings and of the main experiment."""
    input:
        lambda wildcards: [*figures_of("run"), *figures_of("experiment"), *unless_others(figures_of, "comparison")],


rule movies:
    """A movie of a window of each state: the test epoch that the main experiment's network was surest of."""
    input:
        expand(f"{RESULTS}/{MAIN}/movies/{{state}}.mp4", state=EXPERIMENTS[MAIN]["labels"]["classes"]),


rule matlab:
    """The main experiment's results as MATLAB files, whether `analysis.matlab` is on or not."""
    input:
        matlab_index(MAIN),


for name, figure in FIGURES.items():
    if all(has(MAIN, need) for need in figure.needs):

        rule:
            name:
                f"figure_{name}"
            input:
                lambda wildcards, name=name: figure_files(name, MAIN),

        each = ", for each mouse" if figure.each_mouse else ""
        workflow.get_rule(f"figure_{name}").docstring = f"{figure.shows}{each}."
