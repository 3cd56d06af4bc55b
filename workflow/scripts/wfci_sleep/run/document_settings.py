"""Program that writes the JSON schema and the table in config/README.md from the description of the settings.

`make docs` runs it after a change of `description`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.run.code import LIBRARY
from wfci_sleep.run.description import Configuration

SCHEMA = LIBRARY.parents[1] / "schemas" / "config.schema.yaml"
README = LIBRARY.parents[2] / "config" / "README.md"

BEGIN, END = "<!-- settings: made by make docs -->", "<!-- settings: end -->"
"""Lines around the table in config/README.md."""

_HEAD = """\
# The configuration: every key, its type, default and unit. Made by `make docs` from
# wfci_sleep/run/description.py; the formats name, scorer and path are those of wfci_sleep/data/names.py.
"""

_TYPES = {"integer": "number", "number": "number", "string": "text", "boolean": "true, false"}
"""What the table calls JSON's types."""

_FORMATS = {"name": "a [name](#names)", "path": "path"}
"""What it calls the formats of texts."""


class _Generator(GenerateJsonSchema):
    """Sections under their own names, and no title but the noun that a key has."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name).lower()

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> dict[str, Any]:
        made = super().generate(schema, mode)
        for section in (made, *made["$defs"].values()):
            section.pop("title")
        return {"$schema": self.schema_dialect, **made}


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the configuration; sections are in `$defs`."""
    return Configuration.model_json_schema(schema_generator=_Generator)


def schema_text() -> str:
    """The schema as its file holds it."""
    text: str = yaml.safe_dump(json_schema(), sort_keys=False, allow_unicode=True, width=120)
    return _HEAD + text


def settings_table() -> str:
    """The table of every key, in Markdown: meaning, unit or values, default."""
    schema = json_schema()
    rows = ["| key | meaning | unit or values | default |", "|---|---|---|---|"]
    for key, described, required in _keys(schema, schema["$defs"]):
        default = "required" if required else cell(described["default"])
        rows.append(f"| `{key}` | {described['description']} | {values_in_words(described)} | {default} |")
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """The text of config/README.md with its table made anew."""
    before, rest = readme.split(f"{BEGIN}\n")
    _, after = rest.split(f"{END}\n")
    return f"{before}{BEGIN}\n\n{settings_table()}\n\n{END}\n{after}"


def _keys(
    section: Mapping[str, Any], sections: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every key below a section: with the sections above it, what the schema says of it, whether it is required."""
    for key, described in section["properties"].items():
        if "$ref" in described:
            yield from _keys(sections[described["$ref"].rpartition("/")[2]], sections, f"{above}{key}.")
        else:
            yield above + key, described, key in section.get("required", [])


def values_in_words(described: Mapping[str, Any]) -> str:
    """What a key may hold, in few words.

    Parameters
    ----------
    described : mapping
        What the schema says of the key.

    Examples
    --------
    >>> values_in_words({"type": "integer", "minimum": 1, "maximum": 20, "unit": "s"})
    's, 1 to 20'
    >>> values_in_words({"enum": [1, 2], "unit": "pixels"}), values_in_words({"enum": ["none", "gzip"]})
    ('pixels: 1, 2', '`none`, `gzip`')
    >>> values_in_words({"anyOf": [{"type": "integer"}, {"type": "null"}], "none": "all"})
    'number; `null`: all'
    """
    unit = described.get("unit")
    if "enum" in described:
        values = described["enum"]
        listed = (" or " if isinstance(values[0], list) else ", ").join(map(cell, values))
        return f"{unit}: {listed}" if unit else listed
    if "anyOf" in described:
        forms = [form for form in described["anyOf"] if form.get("type") != "null"]
        each = [values_in_words({"unit": unit, **form}) for form in forms]
        words = " or ".join(word if word.startswith("`") or len(each) == 1 else f"a {word}" for word in each)
        return f"{words}; `null`: {described['none']}" if "none" in described else words
    if "const" in described:
        return cell(described["const"])
    if described["type"] == "array":
        entries = described["items"]
        of = values_in_words({"unit": unit or "numbers", **entries}) if entries.get("type") == "integer" else ""
        return f"list of {of}" if of else "list"
    if "maximum" in described or "exclusiveMaximum" in described:
        upper = described.get("maximum", f"below {described.get('exclusiveMaximum')}")
        limits = f"{described['minimum']} to {upper}"
        return f"{unit}, {limits}" if unit else limits
    return unit or _FORMATS.get(described.get("format", "")) or _TYPES[described["type"]]


def cell(value: Any) -> str:
    """A value as the table shows it, written as in the configuration.

    Examples
    --------
    >>> [cell(value) for value in (None, True, 4, 1e-4, "all", ["wake", "sleep"])]
    ['`null`', 'true', '4', '0.0001', '`all`', '`[wake, sleep]`']
    """
    if value is None:
        return "`null`"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return f"`{value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True).strip()}`"


def main() -> None:
    """Write the schema and the table anew."""
    made = {SCHEMA: schema_text(), README: with_table(README.read_text(encoding="utf-8"))}
    for path, text in made.items():
        with written_atomically(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
