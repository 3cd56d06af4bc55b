# What does the report call a table, and where does it show it?

from wfci_sleep.catalogue import LOOK, TABLES


def question(wildcards):
    """The question that a table answers: its category in the report."""
    return TABLES[wildcards.table].question


def page_label(wildcards):
    """What the report calls the page of a table."""
    return {"result": f"table: {TABLES[wildcards.table].label}"}


def paged_tables(*kinds):
    """Names of the tables of some kinds (run, experiment, comparison) that have a page in the report."""
    return [name for name, table in TABLES.items() if table.of in kinds and table.question]


def pages_of(experiment):
    """The report's pages of an experiment's tables."""
    names = [name for name in paged_tables("experiment") if not lacks(experiment, TABLES[name].needs)]
    return [f"{RESULTS}/{experiment}/tables/{name}.html" for name in names]


def pages_of_comparison():
    """The report's pages of the tables that compare all experiments."""
    return [f"{RESULTS}/tables/{name}.html" for name in paged_tables("comparison")]


def documents():
    """Documents on how the run was made: for machines, for a paper, for the report's opening page."""
    return [f"{RESULTS}/{name}" for name in ("provenance.json", "methods.md", "overview.rst", "tables/quality.html")]
