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
include: "workflow/rules/figures.smk"
include: "workflow/rules/pages.smk"


onstart:
    hold_run_lock()


localrules:
    all,
    tables,
    matlab,
    figures,
    movies,


rule all:
    """Every table and figure of every experiment, and the record of how they were made."""
    default_target: True
    input:
        f"{RESULTS}/provenance.json",
        every_table,
        every_figure,
        every_page(),


rule tables:
    """Metrics and fragmentation of every experiment."""
    input:
        every_table,


rule matlab:
    """The results of every experiment as MATLAB files, whether `analysis.matlab` is on or not."""
    input:
        matlab_indices(EXPERIMENTS),


rule figures:
    """Every figure of every experiment."""
    input:
        every_figure,


rule movies:
    """A movie of a window of each state of every experiment: the test epoch that the network was surest of."""
    input:
        every_movie,
