"""Make the run's folder an RO-Crate: inputs, settings, software and results, for machines to read."""

from wfci_sleep.run.step import step

with step(snakemake):
    import json
    from pathlib import Path

    import yaml

    from wfci_sleep.export.ro_crate import run_crate
    from wfci_sleep.files.atomic import written_atomically
    from wfci_sleep.run.provenance import makers, read_provenance

    citation = Path(snakemake.scriptdir).resolve().parents[1] / "CITATION.cff"
    crate = run_crate(
        Path(snakemake.output[0]).parent,
        snakemake.input,
        # provenance.json knows of the main experiment and of the run; these are the files of all experiments.
        read_provenance(snakemake.input.provenance) | makers(snakemake.input),
        yaml.safe_load(citation.read_text(encoding="utf-8")),
    )
    with written_atomically(snakemake.output[0]) as temporary:
        text = json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
