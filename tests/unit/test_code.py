"""The digest of a step's code: what it counts, what it doesn't, and that every rule is given the one of its script."""

import ast
import os
import re
import time
from pathlib import Path

import pytest

import wfci_sleep
from wfci_sleep.run import code
from wfci_sleep.run.code import code_digest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"

LIBRARY = {
    "script.py": "from wfci_sleep.step import step\nwith step(snakemake):\n    from wfci_sleep.one import f\n    f()\n",
    "wfci_sleep/__init__.py": '"""A library."""\n',
    "wfci_sleep/step.py": "import wfci_sleep.records\n",
    "wfci_sleep/records.py": "a = 1\n",
    "wfci_sleep/one.py": "def f():\n    from wfci_sleep import two, three as four\n\n    return two.g(4)\n",
    "wfci_sleep/two.py": "from pathlib import Path\n\ng = Path(__file__).with_name('rates.tsv').read_text\n",
    "wfci_sleep/rooms/red.md.j2": '{% import "words.j2" as words %}\n',
    "wfci_sleep/rooms/words.j2": "colours\n",
    "wfci_sleep/rooms/unused.j2": "shapes\n",
    "wfci_sleep/rooms/works.bib": "@misc{one, title = {One}}\n",
    "wfci_sleep/three.py": "import wfci_sleep.rooms.red\n",
    "wfci_sleep/rooms/__init__.py": "",
    "wfci_sleep/rooms/red.py": "colour = 'red'\nfiles = ['red.md.j2', 'works.bib']\n",
    "wfci_sleep/unused.py": "h = 3\n",
    "wfci_sleep/rooms/told.py": "import wfci_sleep.behind\n",
    "wfci_sleep/behind.py": "i = 4\n",
    "wfci_sleep/rates.tsv": "rule\trate\n",
    "wfci_sleep/other.tsv": "rule\trate\n",
}


def forget() -> None:
    for cached in (code.code_digest, code._read, code._files, code._tables):
        cached.cache_clear()


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library and a script beside it: a function that changes a file and gives the script's digest."""
    scripts = tmp_path / "scripts"
    for name, text in LIBRARY.items():
        path = scripts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def digest(name: str | None = None, text: str = "", scripts: Path = scripts, modules: tuple[str, ...] = ()) -> str:
        if name is not None:
            (scripts / name).write_text(text)
        forget()
        monkeypatch.setattr(code, "LIBRARY", scripts / "wfci_sleep")
        monkeypatch.setattr(code, "FRAME", scripts / "wfci_sleep" / "step.py")
        return code_digest(scripts / "script.py", *modules)

    yield digest
    forget()


@pytest.mark.parametrize(
    "name",
    [
        *("script.py", "__init__.py", "one.py", "two.py", "three.py", "rooms/__init__.py", "rooms/red.py", "rates.tsv"),
        *("rooms/red.md.j2", "rooms/words.j2", "rooms/works.bib"),
    ],
)
def test_everything_that_a_script_uses_counts(library, name):
    name = name if name == "script.py" else f"wfci_sleep/{name}"
    before = library()
    assert library(name, f"{LIBRARY[name]}b = 2\n") != before
    assert library(name, LIBRARY[name]) == before


@pytest.mark.parametrize("name", ["unused.py", "step.py", "records.py", "other.tsv", "rooms/unused.j2"])
def test_nothing_else_counts(library, name):
    before = library()
    assert library(f"wfci_sleep/{name}", "b = 2\n") == before


@pytest.mark.parametrize("name", ["rooms/told", "behind"])
def test_a_module_that_the_script_is_told_to_load_counts_with_what_is_behind_it(library, name):
    told, without = library(modules=("wfci_sleep.rooms.told",)), library()
    text = f"{LIBRARY[f'wfci_sleep/{name}.py']}b = 2\n"
    assert library(f"wfci_sleep/{name}.py", text, modules=("wfci_sleep.rooms.told",)) != told != without
    assert library() == without


def test_comments_docstrings_and_layout_do_not_count(library):
    before = library("wfci_sleep/rooms/red.py", "def f(a, b):\n    return g(a,\n        {'x': b}) or 1\n")
    same = '''
"""What it is."""
# Why it is.

SIDE = 3
"""How long a side is."""


def f(
    a,  # one
    b,
):
    """Do it."""
    return (
        g(a, {"x": b})
        or 1
    )
'''
    assert library("wfci_sleep/rooms/red.py", same.replace('SIDE = 3\n"""How long a side is."""', "")) == before
    assert library("wfci_sleep/rooms/red.py", same) != before


@pytest.mark.parametrize("line", ["return a", "return a - b", "if a:\n        b = 1\n    return a + b", "return x[1:]"])
def test_whatever_is_computed_counts(library, line):
    text = "def f(a, b):\n    {}\n"
    digests = {
        library("wfci_sleep/rooms/red.py", text.format(said))
        for said in (line, "return a + b", "if a:\n        b = 1\n        return a + b", "return x[:1]")
    }
    assert len(digests) == 4


def test_the_digest_is_the_same_in_another_folder_and_at_another_time(library, tmp_path):
    before = library()
    elsewhere = tmp_path / "elsewhere" / "scripts"
    elsewhere.parent.mkdir()
    (tmp_path / "scripts").rename(elsewhere)
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (1, 1))
    assert library(scripts=elsewhere) == before


DESCRIPTIONS = {"cnn-bilstm.j2", "mvg-cnn.j2", "frames.j2", "visibility-graphs.j2", "words.j2"}


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("write_methods", {"methods.md.j2", "other_network.md.j2", "references.bib", *DESCRIPTIONS}),
        ("write_overview", {"overview.rst.j2", *DESCRIPTIONS}),
        ("make_table_page", {"table.html.j2"}),
        # No word in a text makes a network train again.
        ("train", set()),
        ("score", set()),
        ("cut_windows", set()),
    ],
)
def test_templates_and_references_are_code_of_the_steps_that_write_texts(script, names):
    forget()
    waiting, found = [SCRIPTS / f"{script}.py"], set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += code._read(path)[1]
    assert {path.name for path in found if path.suffix in (".j2", ".bib")} == names


def test_every_import_can_be_followed():
    """By its full name, in an import statement: there is no other way into the library, but for its users.

    A step that draws is told its module, and the rule's digest is of both.
    """
    package, told = SCRIPTS / "wfci_sleep" / "__init__.py", SCRIPTS / "plot_figure.py"
    for path in set(SCRIPTS.rglob("*.py")) - {package}:
        tree = ast.parse(path.read_text())
        relative = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
        assert relative == [], path
        assert path == told or not re.search(r"import_module|__import__", path.read_text()), path
        of_package = [
            node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "wfci_sleep"
        ]
        assert not {alias.name for node in of_package for alias in node.names} & set(wfci_sleep.__all__), path


def test_all_digests_take_little_time():
    forget()
    started = time.process_time()
    digests = {code_digest(path) for path in SCRIPTS.glob("*.py")}
    took = time.process_time() - started
    assert len(digests) == len(list(SCRIPTS.glob("*.py")))
    assert took < 1  # 0.2 s where it was measured


# What a checksum of the database's vouches for is the same whatever code has fetched it.
WITHOUT_CODE = {"download_recording"}


def test_every_rule_with_a_script_is_given_its_code():
    scripts = set()
    for path in (ROOT / "workflow" / "rules").rglob("*.smk"):
        for rule in re.split(r"\n\s*(?:rule|checkpoint)(?= \w+:|:\n)", path.read_text())[1:]:
            name = re.match(r"\s*(\w*):", rule)[1]
            named = re.findall(r'code=code_of\("(\w+)"(?:, figure\.module)?\),', rule)
            used = re.findall(r'script:\s+"\.\./scripts/(\w+)\.py"', rule)
            assert named == ([] if name in WITHOUT_CODE else used), name
            scripts |= set(used)
    assert scripts == {path.stem for path in SCRIPTS.glob("*.py")}
