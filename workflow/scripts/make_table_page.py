"""Show a table as a page of the report, sorted by a click."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.files.atomic import written_atomically
    from wfci_sleep.report.html_table import table_page
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.results import PAGES

    table = read_table(snakemake.input.table, PAGES[snakemake.wildcards.table])
    page = table_page(table, snakemake.params.title, snakemake.params.about)
    with written_atomically(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
