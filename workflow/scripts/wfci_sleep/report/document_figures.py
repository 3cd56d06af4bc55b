"""Write the table of figures and tables in the README from the catalogue: `make docs`."""

from wfci_sleep.catalogue import FIGURES, TABLES, Figure, Table
from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.run.code import LIBRARY

README = LIBRARY.parents[2] / "README.md"

BEGIN, END = "<!-- figures and tables: made by make docs -->", "<!-- figures and tables: end -->"
"""Lines around the table."""

_FOLDERS = {"experiment": "main/", "series": "<series>/"}
"""Folders of what is about an experiment or a series; of an experiment that sees graphs the main one is none."""

_GRAPHS = "<experiment>/"


def figures_table() -> str:
    """The table of all figures, and of the tables of experiments, in Markdown: what it is, its target, its file."""
    rows = ["| figure or table | target | file below `results/<run>/` |", "|---|---|---|"]
    rows += [_figure_row(figure) for figure in FIGURES.values()]
    rows += [_table_row(table) for table in TABLES.values() if table.of != "run"]
    return "\n".join(rows)


def _folder(shown: Figure | Table) -> str:
    return _GRAPHS if "graphs" in shown.needs else _FOLDERS.get(shown.of, "")


def _figure_row(figure: Figure) -> str:
    target = "paper" if "graphs" in figure.needs else f"figure_{figure.name}"
    needs = ", with [further raters](config/README.md#further-raters)" if "scorers" in figure.needs else ""
    file = f"{_folder(figure)}figures/{figure.stem.format(mouse='<mouse>')}.svg"
    return f"| {figure.shows} | `{target}` | `{file}`{needs} |"


def _table_row(table: Table) -> str:
    target = "tables" if _folder(table) == _FOLDERS["experiment"] else "paper"
    return f"| {table.shows} | `{target}` | `{_folder(table)}{table.name}.tsv` |"


def with_table(readme: str) -> str:
    """The text of the README with the table of now."""
    before, rest = readme.split(f"{BEGIN}\n")
    _, after = rest.split(f"{END}\n")
    return f"{before}{BEGIN}\n\n{figures_table()}\n\n{END}\n{after}"


def main() -> None:
    """Write the README anew."""
    text = with_table(README.read_text(encoding="utf-8"))
    with written_atomically(README) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
