"""Citations by number, in the order of their first mention, of the works in references.bib."""

import re
from pathlib import Path

from pybtex.backends.plaintext import Backend
from pybtex.database import parse_file
from pybtex.style.formatting.unsrt import Style

WORKS = Path(__file__).with_name("references.bib")

_CITATION = re.compile(r"\[(@\w+(?:; @\w+)*)\]")


def numbered(text: str) -> tuple[str, list[str]]:
    """Replace citations of the form [@key; @key] by numbers.

    Returns
    -------
    str
        The text with [1, 2] in place of citations.
    list of str
        The works of references.bib that it cites, in the order of their numbers.

    Raises
    ------
    KeyError
        If references.bib has no such work.

    Examples
    --------
    >>> text, works = numbered("Adam [@kingma2015], dropout; focal loss [@lin2017; @kingma2015].")
    >>> text
    'Adam [1], dropout; focal loss [2, 1].'
    >>> [work.split(". Adam")[0].split(". Focal")[0] for work in works]
    ['D. P. Kingma and J. Ba', 'T.-Y. Lin, P. Goyal, R. Girshick, K. He, and P. Dollár']
    """
    keys = list(dict.fromkeys(key for citation in _CITATION.findall(text) for key in _keys(citation)))
    library = parse_file(WORKS, "bibtex")
    unknown = [key for key in keys if key not in library.entries]
    if unknown:
        raise KeyError(f"{WORKS.name} has no entry {', '.join(unknown)}, which the text cites")

    def in_numbers(citation: re.Match[str]) -> str:
        return f"[{', '.join(str(keys.index(key) + 1) for key in _keys(citation[1]))}]"

    works = Style(abbreviate_names=True).format_bibliography(library, keys)
    listed = [work.text.render(Backend()).replace("and others.", "et al.") for work in works]
    return _CITATION.sub(in_numbers, text), listed


def _keys(citation: str) -> list[str]:
    return citation.replace("@", "").split("; ")
