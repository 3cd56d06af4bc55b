"""Types of the settings' values: what each accepts, and how a text is read as one.

YAML reads `1e-4` as text, and Snakemake everything in `--config key={...}`. Each type therefore reads text that means
one of its values.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidatorFunctionWrapHandler, WrapValidator

from wfci_sleep.data import names
from wfci_sleep.files.atomic import expanded_path
from wfci_sleep.layout import N_PARCELS
from wfci_sleep.models.registry import KINDS

T = TypeVar("T")

MAX_SEED = 2**31 - 1
"""The largest seed."""

_WHOLE = re.compile(r"[-+]?\d+")
_RANGE = "^[0-9]{1,4}-[0-9]{1,4}$"
_LINE = r"^\S[^\t\r\n]*$"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def expecting(words: str, holds: Callable[[Any], bool]) -> AfterValidator:
    """Accept values for which something holds.

    Parameters
    ----------
    words : str
        What is expected: the error's text.
    holds : function of the value
        Whether it is accepted.
    """

    def checked(value: T) -> T:
        if not holds(value):
            raise ValueError(words)
        return value

    return AfterValidator(checked)


def one_of(*values: Any) -> AfterValidator:
    """Accept values that the library lists elsewhere; other choices are a `Literal`."""
    return expecting(f"one of {', '.join(map(json.dumps, values))}", values.__contains__)


def matching(pattern: str, words: str) -> AfterValidator:
    """Accept texts that a regular expression describes."""
    return expecting(words, lambda text: re.search(pattern, text) is not None)


def keywords(**said: Any) -> Any:
    """What the JSON schema says beside the type."""
    return Field(json_schema_extra=said)


def _whole(value: object) -> object:
    """Read a whole number that is written as text, or as 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value.strip()) else value


def _number(value: object) -> object:
    """Read a number that is written as text."""
    read = _whole(value) if isinstance(value, str) else value
    return float(read) if isinstance(read, str) and _NUMBER.fullmatch(read.strip()) else read


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Keep 2 where a number is expected: it is not written down as 2.0."""
    check(value)
    return value


def _flag(value: object) -> object:
    """Read true or false that is written as text."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def _null(value: object) -> object:
    """Read null that is written as text."""
    return None if isinstance(value, str) and value.strip().lower() in ("null", "~", "") else value


ReadWhole = BeforeValidator(_whole)

Whole = Annotated[int, Strict(), ReadWhole]
Count = Annotated[int, Strict(), Field(ge=1), ReadWhole]
Units = Annotated[int, Strict(), Field(ge=1, le=65536), ReadWhole]
Seconds = Annotated[int, Strict(), Field(ge=1, le=20), ReadWhole]
EpochNumber = Annotated[int, Strict(), Field(ge=0, le=9999), ReadWhole]
Parcel = Annotated[int, Strict(), Field(ge=1, le=N_PARCELS), ReadWhole]
Seed = Annotated[int, Strict(), Field(ge=0, le=MAX_SEED), ReadWhole]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False), WrapValidator(_as_written), BeforeValidator(_number)]
Flag = Annotated[bool, Strict(), BeforeValidator(_flag)]

Text = Annotated[str, Strict()]
Name = Annotated[Text, expecting(names.NAME_RULE, names.is_name), keywords(format="name")]
RaterName = Annotated[
    Text,
    expecting(names.rater_rule(KINDS), lambda text: names.is_rater(text, KINDS)),
    keywords(format="rater"),
]
FilePath = Annotated[
    Text, AfterValidator(expanded_path), expecting(names.PATH_RULE, names.is_path), keywords(format="path")
]
Mirror = Annotated[
    FilePath,
    expecting(
        "an address that begins with http:// or https://, or a folder",
        lambda text: "://" not in text or re.match("https?://", text, re.IGNORECASE) is not None,
    ),
]
EpochRange = Annotated[
    Text, matching(_RANGE, "an epoch, or a range as 17-20"), keywords(pattern=_RANGE, description="a range as 17-20")
]
Reason = Annotated[
    Text,
    matching(_LINE, "a text in one line that does not begin with a space"),
    keywords(pattern=_LINE, description="a text in one line"),
]

Distinct = Annotated[
    list[T],
    expecting("no entry twice", lambda entries: len(set(entries)) == len(entries)),
    keywords(uniqueItems=True),
]
OrNull = Annotated[T | None, BeforeValidator(_null)]
OrAll = Annotated[Literal["all"] | T, Field(union_mode="left_to_right")]
