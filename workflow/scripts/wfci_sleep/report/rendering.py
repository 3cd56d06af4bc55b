"""Fill in the templates of report/templates/: every value that they print is escaped for the format of the text."""

import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).with_name("templates")

MARKUP = {".md": r"\`*_[]<>#|", ".rst": r"\*`_|<>"}
"""The characters that a backslash keeps from being markup, by format."""


def description(name: str) -> str | None:
    """The template that describes a kind of network, or what networks see of an epoch; None if there is none.

    It has the macros of `cnn-bilstm.j2`, or of `frames.j2`.

    Parameters
    ----------
    name : str
        `model.kind`, or the windows' `input`.

    Examples
    --------
    >>> description("cnn-bilstm"), description("cnn-gru")
    ('cnn-bilstm.j2', None)
    """
    return f"{name}.j2" if (TEMPLATES / f"{name}.j2").is_file() else None


def render(template: str, **facts: object) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        A file of `TEMPLATES`, named `<name>.<format>.j2` with the format md, rst or html.
    **facts
        The values that the template names.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a value that is not there.
    """
    suffix = Path(template.removesuffix(".j2")).suffix
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,  # what macros return is then marked as text of the format, and not escaped again
        finalize=lambda value: escaped(value, suffix),
    )
    environment.filters |= {"count": count, "joined": joined, "number": number, "was": was}
    return environment.get_template(template).render(facts)


def escaped(value: object, suffix: str) -> Markup:
    r"""A value as text in which readers of a format find no markup; text of the format itself stays as it is.

    Parameters
    ----------
    value : object
        Anything that has a text.
    suffix : str
        The format: .md, .rst or .html.

    Examples
    --------
    >>> print(escaped("Ms_1", ".md"), escaped("<Ms1>", ".rst"), escaped("<Ms1>", ".html"))
    Ms\_1 \<Ms1\> &lt;Ms1&gt;
    """
    if isinstance(value, Markup):
        return value
    if suffix == ".html":
        return escape(str(value))
    return Markup(re.sub(f"([{re.escape(MARKUP[suffix])}])", r"\\\1", str(value)))


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """A number of things.

    Examples
    --------
    >>> count(1, "mouse", "mice"), count(1200, "epoch")
    ('1 mouse', '1,200 epochs')
    """
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def joined(words: Iterable[object]) -> str:
    """Words as a sentence lists them.

    Examples
    --------
    >>> joined(["Ms1", "Ms2", "Ms3"]), joined([1])
    ('Ms1, Ms2 and Ms3', '1')
    """
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def number(value: float, form: str = "g") -> str:
    """A number by Python's format specification.

    Examples
    --------
    >>> number(2.0), number(0.123, ".0%"), number(432323, ",")
    ('2', '12%', '432,323')
    """
    return format(value, form)


def was(amount: int) -> str:
    """The verb after a number of things.

    Examples
    --------
    >>> was(1), was(2)
    ('was', 'were')
    """
    return "was" if amount == 1 else "were"
