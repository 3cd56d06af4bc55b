"""Descriptions of the tables that are read back, and `read_table`, which refuses tables that don't match theirs.

For a file that was cut off, edited or swapped, the reader names the file, the line, what was found there and what was
expected.

- `Table`, `Column` and `Rule` describe a table; `read_table` and `read_tables` read.
- `epochs`, `networks`, `recordings`, `results`, `costs` and `users` (what users write) hold the descriptions. They are
  separate so that a step depends only on the tables it reads: a new column in a figure's table retrains nothing.
"""

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.states import BY_NAME

if TYPE_CHECKING:  # as in `files.atomic`
    import pandas as pd

N = TypeVar("N")

ROUNDING = 1e-5
"""Tolerance for numbers, which are written with six digits."""

_AT_MOST = 60
"""Longest part of a cell that an error shows, in characters."""


@dataclass(frozen=True)
class Column:
    """Description of a column's cells.

    Attributes
    ----------
    expected : str
        In words.
    pattern : compiled regular expression
        Of a cell's text.
    read : function of str
        Gives a cell's value.
    lowest, highest : float
        Bounds of a number.
    missing : bool
        Whether a cell may be empty.
    """

    expected: str
    pattern: re.Pattern
    read: Callable[[str], Any] = str
    lowest: float = -np.inf
    highest: float = np.inf
    missing: bool = False

    def values(self, cells: Iterable[str]) -> dict[str, object]:
        """Valid texts among some cells, each with its value; NaN for an empty cell."""
        return {cell: self.read(cell) if cell else np.nan for cell in set(cells) if self._fits(cell)}

    def _fits(self, cell: str) -> bool:
        if not cell:
            return self.missing
        if not self.pattern.fullmatch(cell):
            return False
        return self.read is str or self.lowest - ROUNDING <= self.read(cell) <= self.highest + ROUNDING


def or_empty(column: Column) -> Column:
    """The same column, with empty cells allowed."""
    return replace(column, missing=True)


def one_of(*words: str) -> Column:
    """Text that is one of the words."""
    return Column(f"one of {', '.join(words)}", re.compile("|".join(map(re.escape, words))))


def whole(lowest: float = -np.inf, highest: float = np.inf) -> Column:
    """A whole number within bounds, inclusive."""
    pattern = re.compile(r"-?[0-9]{1,15}(\.0*)?")
    return Column(_within("a whole number", lowest, highest), pattern, lambda cell: int(float(cell)), lowest, highest)


def number(lowest: float = -np.inf, highest: float = np.inf) -> Column:
    """A number within bounds, inclusive."""
    pattern = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|-?inf")
    return Column(_within("a number", lowest, highest), pattern, float, lowest, highest)


def _within(kind: str, lowest: float, highest: float) -> str:
    bounds = [f"{word} {bound:g}" for word, bound in (("from", lowest), ("to", highest)) if np.isfinite(bound)]
    return " ".join([kind, *bounds])


TEXT = Column("text", re.compile(r".+", re.DOTALL))
FLAG = Column("True or False", re.compile("True|False"), lambda cell: cell == "True")
SHA256 = Column("64 hexadecimal digits", re.compile("[0-9a-f]{64}"))
COUNT, FROM_1 = whole(0), whole(1)
SHARE, MEASURE = number(0, 1), number(-1, 1)
STATE = one_of(*BY_NAME)
EPOCH = {"mouse": TEXT, "recording": TEXT, "epoch": COUNT}


@dataclass(frozen=True)
class Rule:
    """A condition on the cells of several columns or rows.

    Attributes
    ----------
    column : str
        Column that an error names.
    expected : str
        In words.
    holds : function of a table
        Gives an array or Series of bool: whether each row is right.
    """

    column: str
    expected: str
    holds: Callable[["pd.DataFrame"], "Sequence[bool] | np.ndarray | pd.Series"]


def even(*columns: str) -> Rule:
    """Rule that each combination of cells of some columns has equally many rows: with fewer, rows were lost."""

    def holds(table: "pd.DataFrame") -> "pd.Series":
        sizes = table.groupby(list(columns))[columns[0]].transform("size")
        return sizes == sizes.max()

    return Rule(columns[-1], "as many lines of it as of the others", holds)


@dataclass(frozen=True)
class Table:
    """Description of a table.

    Attributes
    ----------
    columns : mapping of name to Column
        Columns that it must have.
    key : tuple of str
        Columns whose combination of cells is unique.
    rules : tuple of Rule
    others : Column
        Description of any other column.
    separator : str
    empty : bool
        Whether it may have no row.
    made : bool
        Whether the workflow made it, and so ended every line and can make it again, or else a person.
    """

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    others: Column = or_empty(TEXT)
    separator: str = "\t"
    empty: bool = False
    made: bool = True

    @property
    def remedy(self) -> str:
        """Advice for a wrong file."""
        return MADE_AGAIN if self.made else "correct it"


class _WrongError(ValueError):
    """What is wrong with a table; the message doesn't name the file."""


def read_table(path: str | os.PathLike, table: Table) -> "pd.DataFrame":
    """Read a table, and refuse one that doesn't match its description.

    Parameters
    ----------
    path : path
    table : Table
        Its description.

    Returns
    -------
    DataFrame
        Columns in the file's order with the types of their descriptions; NaN for empty cells. Names of mice and
        recordings are always text.

    Raises
    ------
    InputError
        If the file cannot be read, is cut off or not a table; if a column is missing, a line has more or fewer cells
        than the header, a cell doesn't match its description, a key occurs twice, or a rule doesn't hold.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a table") from error
    try:
        return _checked(*_cells(content, table), table)
    except _WrongError as error:
        said = "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(error))
        raise InputError(f"{path}: {said}; {table.remedy}") from error


def read_tables(names: Iterable[N], paths: Iterable[str | os.PathLike], table: Table) -> "dict[N, pd.DataFrame]":
    """Tables of one kind by name, each as `read_table` gives it."""
    return {name: read_table(path, table) for name, path in zip(names, paths, strict=True)}


def _cells(content: bytes, table: Table) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows of cells, and the line in which each row ends."""
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise _WrongError(f"line {line} holds a byte that is zero, expected text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _WrongError(f"line {line} holds bytes that are not text, expected UTF-8") from error
    if not table.made:
        text = text.rstrip("\r\n")  # editors leave more of them, or none
    elif text and not text.endswith("\n"):
        raise _WrongError(f"the file breaks off in line {text.count(chr(10)) + 1}, expected a whole line")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.separator, strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise _WrongError(f"line {reader.line_num} cannot be parted into cells ({error})") from error
    header = lines[0][1] if lines else []
    missing = [name for name in table.columns if name not in header]
    if missing:
        by_commas = table.separator == "\t" and len(header) == 1 and "," in header[0]
        advice = ", expected tabs between the columns, not commas" if by_commas else ""
        raise _WrongError(f"column {', '.join(missing)} is missing, found {', '.join(header) or 'nothing'}{advice}")
    for line, row in lines:
        if len(row) != len(header):
            raise _WrongError(f"line {line} has {_count(len(row), 'cell')}, the header {len(header)}")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise _WrongError(f"there are two columns {twice[0]}, expected one of each name")
    if len(lines) == 1 and not table.empty:
        raise _WrongError("there is no row below the header, expected at least one")
    return header, [row for _, row in lines[1:]], [line for line, _ in lines[1:]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _checked(header: list[str], rows: list[list[str]], lines: list[int], table: Table) -> "pd.DataFrame":
    import pandas as pd

    cells = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    read = {}

    def refuse(wrong: Iterable[bool], name: str, expected: str) -> None:
        place = next((place for place, one in enumerate(wrong) if one), None)
        if place is not None:
            found = repr(cells[name][place][:_AT_MOST]) if cells[name][place] else "nothing"
            raise _WrongError(f"line {lines[place]}, column {name}: found {found}, expected {expected}")

    for name in header:
        column = table.columns.get(name, table.others)
        values = column.values(cells[name])
        refuse((cell not in values for cell in cells[name]), name, column.expected)
        read[name] = [values[cell] for cell in cells[name]]
    read = pd.DataFrame(read)
    if table.key:
        again = np.flatnonzero(read.duplicated(list(table.key)))
        if again.size:
            row = ", ".join(f"{name} {cells[name][again[0]]}".rstrip() for name in table.key)
            raise _WrongError(f"line {lines[again[0]]} is a second one of {row}, expected one")
    for rule in table.rules if rows else ():
        refuse(~np.asarray(rule.holds(read), dtype=bool), rule.column, rule.expected)
    return read
