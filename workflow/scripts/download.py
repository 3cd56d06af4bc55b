"""Fetch one file of the database: resumed where it broke off, checked against its published SHA-256."""

from wfci_sleep.step import step

with step(snakemake) as tell:
    from wfci_sleep.files import read_table
    from wfci_sleep.physionet import Client

    path = snakemake.output[0]
    index = read_table(snakemake.input.index).set_index("path")
    client = Client(snakemake.resources.patience_s, tell)
    client.fetch(index.loc[path, "url"], path, index.loc[path, "sha256"])
