"""Write down how a run was made: code and software of every step, configuration, checksums of its inputs."""

from wfci_sleep.run.step import step

with step(snakemake):
    import json

    from wfci_sleep.files.atomic import sha256_of, written_atomically
    from wfci_sleep.run.provenance import provenance
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import RECORDINGS

    found = snakemake.input
    document = provenance(
        snakemake.params.configuration,
        [found.recordings, found.atlas, *found.made],
        recordings=read_table(found.recordings, RECORDINGS),
        atlas_sha256=sha256_of(found.atlas),
        weights=found.weights,
    )
    with written_atomically(snakemake.output[0]) as temporary:
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
