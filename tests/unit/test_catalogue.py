"""The catalogue of figures and tables: every entry has all that it names, and nothing that is there lacks an entry."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import pytest

from wfci_sleep.catalogue import FIGURES, QUESTIONS, TABLES, WITHOUT
from wfci_sleep.export.ro_crate import DESCRIPTIONS
from wfci_sleep.report.document_figures import README, with_table
from wfci_sleep.run import estimate
from wfci_sleep.tables import read_table
from wfci_sleep.tables.costs import RATES
from wfci_sleep.tables.results import PAGES

WORKFLOW = Path(__file__).parents[2] / "workflow"
RULES = {path: path.read_text() for path in WORKFLOW.rglob("*.smk")}
FIGURE_MODULES = {path.stem for path in (WORKFLOW / "scripts/wfci_sleep/figures").glob("*.py")} - {"__init__", "style"}


def named_in(text: str, dictionary: str) -> set[str]:
    """Names that a dictionary of common/figures.smk resolves."""
    body = re.search(rf"^{dictionary} = {{\n(.*?)^}}", text, flags=re.MULTILINE | re.DOTALL)[1]
    return set(re.findall(r'"(\w+)"(?=[:,)])', body))


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_a_figure_has_its_module_its_caption_and_what_it_is_drawn_from(figure):
    assert callable(getattr(importlib.import_module(figure.module), figure.function))
    assert (WORKFLOW / "report" / f"{figure.caption}.rst").is_file()
    rules = RULES[WORKFLOW / "rules" / "common" / "figures.smk"]
    assert set(figure.inputs) <= named_in(rules, "INPUTS")
    assert set(figure.settings) <= named_in(rules, "SETTINGS")
    assert set(figure.needs) <= WITHOUT.keys()
    assert figure.question in QUESTIONS and figure.of in ("run", "experiment", "series", "comparison")
    assert "-" not in figure.name and not figure.shows.endswith(".")


def named_by(code: CodeType) -> Iterator[str]:
    """Names that a function uses, also within its comprehensions and inner functions."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from named_by(constant)


def asks_for_state_colours(function: Callable) -> bool:
    """Whether a function calls `state_colours`, itself or by way of other functions of the figures."""
    function = inspect.unwrap(function)
    called = [function.__globals__.get(name) for name in named_by(function.__code__) if name != function.__name__]
    figures = [one for one in called if inspect.isfunction(one) and one.__module__.startswith("wfci_sleep.figures.")]
    return any(one.__name__ == "state_colours" or asks_for_state_colours(one) for one in figures)


def test_only_figures_with_state_colours_depend_on_the_palette():
    draw = {name: getattr(importlib.import_module(one.module), one.function) for name, one in FIGURES.items()}
    asking = {name for name, function in draw.items() if asks_for_state_colours(function)}
    assert asking == {name for name, figure in FIGURES.items() if "palette" in figure.settings}


def test_every_module_and_every_caption_has_an_entry():
    drawn = {figure.module.rpartition(".")[2] for figure in FIGURES.values()}
    assert FIGURE_MODULES - drawn == {"movie"}  # not a figure: it has a rule of its own
    captions = {path.stem for path in (WORKFLOW / "report").glob("*.rst")}
    assert captions - {figure.caption for figure in FIGURES.values()} == {"movie", "table", "workflow"}


def test_every_page_of_the_report_has_its_table_described():
    pages = {name for name, table in TABLES.items() if table.question}
    assert pages == PAGES.keys()
    caption = (WORKFLOW / "report" / "table.rst").read_text()
    assert set(re.findall(r'table == "([\w-]+)"', caption)) == pages
    assert all(TABLES[name].label and TABLES[name].question in QUESTIONS for name in pages)
    assert {f"{name}.tsv" for name in TABLES} <= DESCRIPTIONS.keys()


def test_the_readme_has_the_table_of_now():
    text, again = README.read_text(), "PYTHONPATH=workflow/scripts python -m wfci_sleep.report.document_figures"
    assert with_table(text) == text, f"README.md is behind the catalogue, make it anew: {again}"


def test_steps_begin_with_a_verb_and_have_no_name_of_the_librarys():
    scripts = {path.stem for path in (WORKFLOW / "scripts").glob("*.py")}
    modules = {path.stem for path in (WORKFLOW / "scripts" / "wfci_sleep").rglob("*.py")}
    assert scripts & modules == set()
    verbs = {"train", "score", "average", "check", "compare", "compute", "cut", "download", "estimate", "explain"}
    verbs |= {"film", "gather", "list", "make", "measure", "plot", "synthesise", "write"}
    text = "\n".join(RULES.values())
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, flags=re.MULTILINE))
    assert {name for name in scripts | rules if name.partition("_")[0] not in verbs} == {"report"}  # a target
    # The shipped rates are of rules.
    derived = set(re.findall(r"use rule \w+ as (\w+) with", text))
    assert set(read_table(estimate.SHIPPED_RATES, RATES)["rule"]) - {"*"} <= rules | derived
