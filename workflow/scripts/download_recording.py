"""Fetch one file of the database: resumed where it broke off, checked against its published SHA-256."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import pandas as pd

    from wfci_sleep.data.addresses import configured_login
    from wfci_sleep.data.download import Client
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import INDEX

    path = snakemake.output[0]
    file = read_table(snakemake.input.index, INDEX).set_index("path").loc[path]
    client = Client(snakemake.resources.patience_s, tell, configured_login(snakemake.config))
    client.fetch(file["url"], path, file["sha256"], None if pd.isna(file["bytes"]) else int(file["bytes"]))
