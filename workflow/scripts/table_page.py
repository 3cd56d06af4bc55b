"""Show a table as a page of the report, sorted by a click."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.files import read_table, written_atomically
    from wfci_sleep.pages import table_page

    page = table_page(read_table(snakemake.input.table), snakemake.params.title, snakemake.params.about)
    with written_atomically(snakemake.output.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
