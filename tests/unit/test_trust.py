"""What is read from files that others can write never runs as code: docs/trust.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted((ROOT / "workflow").rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]

RUNS_WHAT_IT_READS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules whose readers run code that a file brings along."""

SAFE_WITH = {"load": ("allow_pickle", False), "load_model": ("safe_mode", True)}
"""Readers that run such code unless they are told not to, by NumPy and by Keras."""


def imported(tree: ast.AST) -> Iterator[str]:
    """Names of the modules that some code imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(tree: ast.AST, *names: str) -> Iterator[tuple[str, ast.Call]]:
    """Calls of functions and methods with these names, by the whole expression that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_no_reader_runs_what_it_reads(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not {name.partition(".")[0] for name in imported(tree)} & RUNS_WHAT_IT_READS
    assert not list(calls(tree, "read_pickle", "unsafe_load", "eval", "exec"))
    for function, call in calls(tree, *SAFE_WITH):
        if function == "json.load":
            continue
        name, value = SAFE_WITH[function.rpartition(".")[2]]
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == name}
        assert given == {name: value}, f"{path.name}: {function}"


def test_the_readers_are_found():
    found = [function for path in CODE for function, _ in calls(ast.parse(path.read_text()), *SAFE_WITH)]
    assert {"np.load", "keras.saving.load_model"} <= set(found)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_no_rule_does_either(path):
    assert not re.search(rf"\b({'|'.join(RUNS_WHAT_IT_READS)}|eval|exec)\b", path.read_text(encoding="utf-8"))
