"""Make the run's folder an RO-Crate: inputs, settings, software and results, for machines to read."""

from wfci_sleep.step import step

with step(snakemake):
    import json
    from pathlib import Path

    import yaml

    from wfci_sleep.crate import run_crate
    from wfci_sleep.files import written_atomically

    citation = Path(snakemake.scriptdir).resolve().parents[1] / "CITATION.cff"
    crate = run_crate(
        Path(snakemake.output[0]).parent,
        snakemake.input,
        json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8")),
        yaml.safe_load(citation.read_text(encoding="utf-8")),
    )
    with written_atomically(snakemake.output[0]) as temporary:
        text = json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
