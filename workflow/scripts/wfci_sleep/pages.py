"""Tables as pages of the report: one HTML file each that needs no other, sorted by a click on a column's header."""

from html import escape

import numpy as np
import pandas as pd

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 1em; color: #1e293b; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 0.2em 0.7em; text-align: left; vertical-align: top; border-bottom: 1px solid #e2e8f0; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
td.number, th button {{ white-space: nowrap; }}
td.long {{ min-width: 22em; max-width: 40em; }}
thead th {{ position: sticky; top: 0; background: white; box-shadow: inset 0 -2px #94a3b8; }}
th button {{ font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; }}
th button {{ cursor: pointer; }}
th button:hover {{ text-decoration: underline; }}
th button::after {{ content: " \\2195"; color: #94a3b8; }}
th[aria-sort=ascending] button::after {{ content: " \\2191"; color: inherit; }}
th[aria-sort=descending] button::after {{ content: " \\2193"; color: inherit; }}
p {{ color: #475569; max-width: 60em; }}
</style>
</head>
<body>
<p>{about}</p>
<table>
<thead><tr>{header}</tr></thead>
<tbody>
{body}
</tbody>
</table>
<script>
const headers = [...document.querySelectorAll("thead th")];
const rows = document.querySelector("tbody");
function compare(a, b, numeric) {{
  // What is missing comes last, whichever way the column is sorted.
  if (a === "" || b === "") return a === b ? 0 : undefined;
  return numeric ? a - b : a.localeCompare(b, "en", {{numeric: true}});
}}
headers.forEach((header, column) => header.firstChild.addEventListener("click", () => {{
  const down = header.getAttribute("aria-sort") === "ascending";
  headers.forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = header.className === "number";
  rows.append(...[...rows.rows].sort((a, b) => {{
    const order = compare(value(a), value(b), numeric);
    if (order === undefined) return value(a) === "" ? 1 : -1;
    return down ? -order : order;
  }}));
}}));
</script>
</body>
</html>
"""

_LONG = 40
"""A column with texts of more characters than this is kept from becoming narrow."""


def decimals_of(values: pd.Series) -> int:
    """Digits after the point with which a column of numbers reads well.

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
    """Make a page that shows a table and sorts it by the column whose header is clicked, up and then down.

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
        HTML. Numbers are rounded by `decimals_of` (the exact value stands in a cell's tooltip, and is what is sorted
        by); what is missing is empty, and comes last.
    """
    columns = [_cells(table[name]) for name in table]
    header = "".join(
        f'<th scope="col"{_number_class(table[name])}><button type="button">{escape(str(name))}</button></th>'
        for name in table
    )
    body = "\n".join("<tr>" + "".join(cells) + "</tr>" for cells in zip(*columns, strict=True))
    return _PAGE.format(title=escape(title), about=escape(about), header=header, body=body)


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _number_class(values: pd.Series) -> str:
    return ' class="number"' if _is_number(values) else ""


def _cells(values: pd.Series) -> list[str]:
    if not _is_number(values):
        texts = ["" if pd.isna(value) else str(value) for value in values]
        opening = '<td class="long">' if max(map(len, texts), default=0) > _LONG else "<td>"
        return [f"{opening}{escape(text)}</td>" for text in texts]
    decimals = decimals_of(values)
    return [
        '<td class="number" data-value=""></td>'
        if pd.isna(value)
        else f'<td class="number" data-value="{value}" title="{value}">{value:.{decimals}f}</td>'
        for value in values
    ]
