"""Average the class activation maps of every mouse and state over the parcels of the atlas."""

from wfci_sleep.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.explanations import METHOD_TITLES, parcel_table, read_gradcam
    from wfci_sleep.files import write_table

    atlas = load_atlas(snakemake.input.atlas)
    tables = [
        parcel_table(read_gradcam(snakemake.input.gradcam, method), atlas, snakemake.params.hemisphere).assign(
            method=method
        )
        for method in METHOD_TITLES
    ]
    write_table(pd.concat(tables), snakemake.output[0])
