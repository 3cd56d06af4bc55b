"""Citations: every key has its work, and every work is cited by some text."""

import re

import pytest
from pybtex.database import parse_file

from wfci_sleep.report.methods import SOFTWARE
from wfci_sleep.report.references import WORKS, numbered
from wfci_sleep.report.rendering import TEMPLATES

ENTRIES = parse_file(WORKS, "bibtex").entries

# What an entry has to say, beside its author, title and year.
FIELDS = {"article": {"journal", "volume", "pages"}, "inproceedings": {"booktitle"}, "misc": set()}


def test_every_key_has_a_work_and_every_work_is_cited():
    cited = {key for path in TEMPLATES.glob("*.j2") for key in re.findall(r"@(\w+)", path.read_text())}
    cited |= {key for _, key in SOFTWARE.values() if key}
    assert cited == set(ENTRIES)


@pytest.mark.parametrize("key", ENTRIES)
def test_a_work_is_complete(key):
    entry = ENTRIES[key]
    assert {"title", "year", *FIELDS[entry.type]} <= set(entry.fields)
    assert {"doi", "eprint", "url"} & set(entry.fields)
    assert key.endswith(entry.fields["year"])
    _, (work,) = numbered(f"[@{key}]")
    assert not re.search(r"[{}\\*`<>\[\]]|\.\.|others", work), "neither markup of LaTeX nor of Markdown"


def test_an_unknown_key_is_named():
    with pytest.raises(KeyError, match=r"references.bib has no entry nobody2020, none1999, which the text cites"):
        numbered("One [@lin2017; @nobody2020], two [@none1999].")


def test_what_is_no_citation_stays():
    assert numbered(r"A mouse \[@lin2017\], [a] and [@].") == (r"A mouse \[@lin2017\], [a] and [@].", [])
