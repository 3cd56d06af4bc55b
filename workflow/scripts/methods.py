"""Write the methods section of a paper, with the run's own settings, numbers and versions."""

from wfci_sleep.step import step

with step(snakemake):
    import json
    from pathlib import Path

    from wfci_sleep.files import read_table, written_atomically
    from wfci_sleep.methods import methods

    provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
    text = methods(snakemake.params.configuration, read_table(snakemake.input.quality), provenance)
    with written_atomically(snakemake.output[0]) as temporary:
        temporary.write_text(text, encoding="utf-8")
