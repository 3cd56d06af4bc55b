"""Average the class activation maps of every mouse and state over the parcels of the atlas."""

from wfci_sleep.run.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.analysis.parcels import parcel_table
    from wfci_sleep.data.atlas import load_atlas
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.scoring.explanations import METHOD_TITLES, read_gradcam, recorded_shape

    atlas = load_atlas(snakemake.input.atlas)
    hemisphere, classes = snakemake.params.hemisphere, snakemake.params.classes
    maps = {
        method: read_gradcam(snakemake.input.gradcam, method, classes, shape=recorded_shape(hemisphere))
        for method in METHOD_TITLES
    }
    tables = [parcel_table(each, atlas, hemisphere).assign(method=method) for method, each in maps.items()]
    write_table(pd.concat(tables), snakemake.output[0])
