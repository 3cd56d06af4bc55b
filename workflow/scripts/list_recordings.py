"""Gather the checked recordings: recordings.tsv (what there is) and quality.tsv (how sound it is)."""

from wfci_sleep.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.files import read_table, write_table

    recordings = pd.DataFrame(snakemake.params.recordings)
    checked = pd.concat([read_table(path) for path in snakemake.input], ignore_index=True)
    table = recordings.assign(sha256=checked["sha256"], epochs=checked["epochs"])
    write_table(table[["mouse", "recording", "order", "path", "sha256", "epochs"]], snakemake.output.recordings)
    quality = recordings[["mouse", "recording"]].join(checked.drop(columns="sha256"))
    write_table(quality, snakemake.output.quality)
