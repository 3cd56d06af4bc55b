"""Tables as pages: numbers as a reader wants them, missing ones empty, nothing that a browser takes for markup."""

import re

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.report.html_table import decimals_of, table_page


def cells(page: str) -> list[list[str]]:
    """Text of each cell, row by row."""
    body = re.search(r"<tbody>\n(.*?)\n?</tbody>", page, flags=re.DOTALL)[1]
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


@pytest.mark.parametrize(
    "values, decimals",
    [
        ([1, 20, 300], 0),
        ([1.0, np.nan, 2.0], 0),
        ([0.9928571, 1.0], 3),
        ([-0.2, 9.99], 3),
        ([36.66667, 5.0], 1),
        ([1234.5, 0.1], 0),
        ([0.00123, 0.0], 5),
        ([], 0),
        ([np.nan], 0),
        ([0.5, np.inf], 3),
    ],
)
def test_decimals_fit_the_column(values, decimals):
    assert decimals_of(pd.Series(values, dtype=float)) == decimals


def test_numbers_are_rounded_and_missing_values_are_empty():
    table = pd.DataFrame({"mouse": ["Ms1", None], "kappa": [0.98925226, np.nan], "n": [140, 35], "kept": [True, False]})
    page = table_page(table, "measures")
    assert cells(page) == [["Ms1", "0.989", "140", "True"], ["", "", "35", "False"]]
    assert 'data-value="0.98925226"' in page  # what is sorted by
    assert page.count("<th ") == 4


def test_what_looks_like_markup_stays_text():
    page = table_page(pd.DataFrame({"<i>": ["<script>alert(1)</script>", "a & b"]}), "<b>", "1 < 2")
    assert cells(page) == [["&lt;script&gt;alert(1)&lt;/script&gt;"], ["a &amp; b"]]
    assert "<title>&lt;b&gt;</title>" in page
    assert "<p>1 &lt; 2</p>" in page
    assert page.count("<script>") == 1  # the page's own


def test_a_table_without_rows_has_its_header():
    page = table_page(pd.DataFrame({"mouse": [], "n": []}), "nothing")
    assert cells(page) == []
    assert ">mouse</button>" in page


def test_a_page_needs_no_other_file():
    page = table_page(pd.DataFrame({"n": [1]}), "one")
    assert not re.search(r"(src|href)=|@import|url\(", page)


def test_long_texts_keep_their_columns_from_becoming_narrow():
    page = table_page(pd.DataFrame({"note": ["short", "long " * 20], "mouse": ["Ms1", "Ms2"]}), "notes")
    assert page.count('<td class="long">') == 2
