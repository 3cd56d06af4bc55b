"""Gather the checked recordings: recordings.tsv (what there is) and quality.tsv (how sound it is)."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import pandas as pd

    from wfci_sleep.data.exclusions import EXCLUDED
    from wfci_sleep.data.listing import SAME_BYTES, refuse_equal
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.preprocessing.quality import left_out_row, mask_warnings, with_notes
    from wfci_sleep.preprocessing.survey import read_surveys
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import CHECK

    recordings = pd.DataFrame(snakemake.params.recordings)
    checks, surveys = iter(snakemake.input.checks), iter(snakemake.input.surveys)
    # What the configuration excludes is not checked.
    rows = [
        left_out_row(f"{EXCLUDED}{reason}") if reason else read_table(next(checks), CHECK).to_dict("records")[0]
        for reason in recordings["why_excluded"]
    ]
    table = recordings.join(pd.DataFrame(rows))
    used = table[table["epochs"] > 0]
    refuse_equal(zip(used["mouse"], used["path"], strict=True), used["sha256"], SAME_BYTES)
    write_table(table[["mouse", "recording", "order", "path", "sha256", "epochs"]], snakemake.output.recordings)

    keys = table.loc[table["why_excluded"] == "", ["mouse", "recording"]].itertuples(index=False, name=None)
    masks = {key: read_surveys([path]).mask for key, path in zip(keys, surveys, strict=True)}
    unlike = mask_warnings(masks)
    for (mouse, recording), warning in unlike.items():
        tell(f"warning: {mouse}, {recording}: {warning}")
    quality = table.drop(columns=["order", "path", "why_excluded", "sha256"])
    said = zip(quality["mouse"], quality["recording"], quality["warnings"].fillna(""), strict=True)
    quality["warnings"] = ["; ".join(filter(None, (line, unlike.get(tuple(key))))) for *key, line in said]
    write_table(with_notes(quality, snakemake.params.notes), snakemake.output.quality)
