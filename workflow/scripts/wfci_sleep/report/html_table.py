"""Tables as pages of the report: self-contained HTML files, which a click on a column's header sorts."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from wfci_sleep.report.rendering import render

_LONG = 40
"""Columns with texts of more characters than this get a minimum width."""


def decimals_of(values: pd.Series) -> int:
    """Choose the number of decimals for a column of numbers.

    Parameters
    ----------
    values : series of numbers
        NaN where a value is missing.

    Returns
    -------
    int
        0 for whole numbers, 3 for shares and measures (below 10), 1 for numbers below 1000, 0 above; three significant
        digits of the largest where all are below 0.01.

    Examples
    --------
    >>> [decimals_of(pd.Series(values)) for values in ([3, 4], [0.5, 1.0], [36.667, 5.0], [0.00012, 0.0])]
    [0, 3, 1, 6]
    """
    known = values[np.isfinite(values)]
    if (known == known.round()).all():
        return 0
    largest = known.abs().max()
    if largest < 0.01:
        return 2 - int(np.floor(np.log10(largest)))
    return 3 if largest < 10 else int(largest < 1000)


def table_page(table: pd.DataFrame, title: str, about: str = "") -> str:
    """Make a page that shows a table; a click on a column's header sorts by it, a second click reverses the order.

    Parameters
    ----------
    table : DataFrame
    title : str
        The page's title.
    about : str, optional
        A line above the table.

    Returns
    -------
    str
        HTML. Numbers are rounded by `decimals_of`; a cell's tooltip shows the exact value, which also decides the
        order. Missing values are empty and come last.
    """
    cells = [_cells(table[name]) for name in table]
    return render(
        "table.html.j2",
        title=title,
        about=about,
        columns=[{"name": name, "is_number": _is_number(table[name])} for name in table],
        rows=zip(*cells, strict=True),
    )


class _Cell(NamedTuple):
    text: str
    kind: str = ""
    exact: object = None


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _cells(values: pd.Series) -> list[_Cell]:
    if not _is_number(values):
        texts = ["" if pd.isna(value) else str(value) for value in values]
        kind = "long" if max(map(len, texts), default=0) > _LONG else ""
        return [_Cell(text, kind) for text in texts]
    decimals = decimals_of(values)
    return [
        _Cell("", "number", "") if pd.isna(value) else _Cell(f"{value:.{decimals}f}", "number", value)
        for value in values
    ]
