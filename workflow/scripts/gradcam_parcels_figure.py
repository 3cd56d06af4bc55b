"""Draw the class activation maps by area of the cortex, ranked, for every state."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.explanations import area_heat
    from wfci_sleep.figures.gradcam_parcels import plot_gradcam_parcels
    from wfci_sleep.figures.style import save
    from wfci_sleep.files import read_table

    table = read_table(snakemake.input.table, ["mouse", "state", "parcel", "mean_heat", "method"])
    areas = area_heat(table[table["method"] == snakemake.wildcards.method], load_atlas(snakemake.input.atlas))
    figure = plot_gradcam_parcels(areas, snakemake.params.classes, snakemake.params.title)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
