"""Templates: what they print is escaped for the format, and nothing that they name may be missing."""

import pytest
from jinja2 import UndefinedError

from wfci_sleep.report import rendering
from wfci_sleep.report.rendering import escaped, joined, render

SPECIAL = r"\`*_[]<>#|&"


@pytest.fixture
def template(tmp_path, monkeypatch):
    """A function that fills in a template of the given text."""
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)

    def filled(text: str, suffix: str, **facts) -> str:
        (tmp_path / f"one{suffix}.j2").write_text(text)
        return render(f"one{suffix}.j2", **facts)

    return filled


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".md", r"\\\`\*\_\[\]\<\>\#\|&"),
        (".rst", r"\\\`\*\_[]\<\>#\|&"),
        (".html", r"\`*_[]&lt;&gt;#|&amp;"),
    ],
)
def test_values_are_escaped_once_however_they_are_printed(template, suffix, text):
    facts = {"name": SPECIAL, "names": [SPECIAL]}
    macro = "{% macro said(name) %}{{ name }}{% endmacro %}"
    for printed in (
        "{{ name }}",
        "{{ names | joined }}",
        "{{ names | join(', ') }}",
        "{{ name ~ '' }}",
        "{{ name if names else '' }}",
        macro + "{{ said(name) }}",
        macro + "{% set kept = said(name) %}{{ kept }}",
        "{% set kept %}{{ name }}{% endset %}{{ kept }}",
    ):
        assert template(printed, suffix, **facts) == text, printed


def test_the_templates_own_text_is_markup(template):
    assert template("*{{ name }}* `x` <b>", ".md", name="a_b") == "*a\\_b* `x` <b>"


def test_a_missing_value_is_an_error(template):
    for text in ("{{ mouse }}", "{{ folds.protocol }}", "{% if mouse %}{% endif %}", "{{ words[mouse] }}"):
        with pytest.raises(UndefinedError):
            template(text, ".md", folds={}, words={})


def test_text_of_the_format_is_not_escaped_again():
    assert escaped(escaped("a_b", ".md"), ".md") == "a\\_b"
    assert joined(["a_b", 2]) == "a_b and 2"
