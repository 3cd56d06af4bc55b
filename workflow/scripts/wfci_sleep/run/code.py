"""Which code a step runs: a digest of its script and of every module of the library behind it.

The digest tells Snakemake whether a step's code has changed, in place of the time stamps of files, and stands in the
record of every file that the step has made (`made`).
"""

import ast
import hashlib
import os
import re
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[1]

FRAME = LIBRARY / "run" / "step.py"
"""What every step runs in. It keeps logs and records; nothing that a step computes depends on it."""

_NOT_SAID = ("ctx", "kind", "type_comment", "type_params")
"""Fields of a syntax tree's nodes that change nothing, or that only newer versions of Python know."""


@cache
def code_digest(script: str | os.PathLike[str], *modules: str) -> str:
    r"""SHA-256, in hexadecimal, of what a script runs of our own code.

    That is the script, the modules that it is told to load (full names, such as `wfci_sleep.figures.confusion`), every
    module of the library that these import, directly or through others, at their top or within functions, and the
    tables, templates and references of the library that these name. Comments, blank lines, docstrings and layout of
    modules do not count, nor do time stamps, the folder, and the version of Python (3.11 to 3.13 were compared).

    Raises
    ------
    SyntaxError
        If a file is no Python.

    Examples
    --------
    >>> import tempfile
    >>> def digest(text):
    ...     with tempfile.TemporaryDirectory() as folder:
    ...         script = Path(folder, "scripts", "script.py")
    ...         script.parent.mkdir()
    ...         _ = script.write_text(text)
    ...         return code_digest(script)
    >>> one = digest("x = f(1)")
    >>> one == digest("x = f(  # one\n    1,\n)"), one == digest("x = f(2)")
    (True, False)
    """
    digests: dict[Path, str] = {}
    waiting = [Path(script), *(file for module in modules for file in _files(module))]
    while waiting:
        path = waiting.pop()
        if path not in digests and path != FRAME:
            digests[path], used = _read(path)
            waiting += used
    return _sha256("\n".join(sorted(f"{path.parent.name}/{path.name} {digest}" for path, digest in digests.items())))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _read(path: Path) -> tuple[str, list[Path]]:
    """Digest of a file, and which files of the library it names."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Templates import others by their names, or by a variable: then any description (`report.rendering`).
        used = [_tables()[name] for name in re.findall(r'"([\w.]+)"', text) if name in _tables()]
        if re.search(r"{%-?\s*import\s+\w", text):
            used += [file for name, file in _tables().items() if re.fullmatch(r"[^.]+\.j2", name)]
        return _sha256(text), used
    names: set[str] = set()
    said = repr(_said(ast.parse(text, path), names))
    return _sha256(said), [file for name in names for file in _files(name)]


def _said(node: object, names: set[str]) -> object:
    """A syntax tree as nested lists, the same in every version of Python; what it imports is added to `names`."""
    if isinstance(node, list):
        return [_said(item, names) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Import):
        names.update(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        names.update(f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _tables():
        names.add(node.value)
    said = [name for name in node._fields if name not in _NOT_SAID]
    return [type(node).__name__, *[_said(getattr(node, name), names) for name in said]]


def _is_text(node: object) -> bool:
    """Whether it is a constant as a statement, which has no effect: a docstring, or the text below a variable."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@cache
def _files(name: str) -> list[Path]:
    """Files behind a name: a module of the library with the packages that it lies in, a table, or none."""
    if name in _tables():
        return [_tables()[name]]
    first, *rest = name.split(".")
    if first != LIBRARY.name:
        return []
    places = [LIBRARY.joinpath(*rest[:length]) for length in range(len(rest) + 1)]
    files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
    return [file for file in files if file.is_file()]


@cache
def _tables() -> dict[str, Path]:
    """Name -> file of the tables, templates and references that come with the library."""
    return {path.name: path for path in LIBRARY.rglob("*") if path.suffix in (".tsv", ".j2", ".bib")}
