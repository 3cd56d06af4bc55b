"""Average the Grad-CAM maps of every mouse and state over the parcels of the atlas."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.explanations import parcel_table, read_gradcam
    from wfci_sleep.files import write_table

    maps = read_gradcam(snakemake.input.gradcam)
    write_table(parcel_table(maps, load_atlas(snakemake.input.atlas), snakemake.params.hemisphere), snakemake.output[0])
