"""Write down how a run was made: software versions, git commit, configuration, checksums of its inputs."""

from wfci_sleep.step import step

with step(snakemake):
    import json

    from wfci_sleep.files import read_table, sha256_of, written_atomically
    from wfci_sleep.provenance import provenance

    document = provenance(
        snakemake.params.configuration,
        snakemake.scriptdir,
        recordings=read_table(snakemake.input.recordings),
        atlas_sha256=sha256_of(snakemake.input.atlas),
    )
    with written_atomically(snakemake.output[0]) as temporary:
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
