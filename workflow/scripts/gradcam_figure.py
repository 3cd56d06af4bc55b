"""Draw the mean class activation map of every mouse and state over the mouse's brain."""

from wfci_sleep.step import step

with step(snakemake):
    import numpy as np

    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.explanations import read_gradcam
    from wfci_sleep.figures.gradcam import plot_gradcam
    from wfci_sleep.figures.style import save
    from wfci_sleep.survey import read_surveys
    from wfci_sleep.windows import hemisphere_columns

    columns = hemisphere_columns(snakemake.params.hemisphere)
    maps = read_gradcam(snakemake.input.gradcam, snakemake.wildcards.method)
    surveys = [
        read_surveys(
            [path for path, owner in zip(snakemake.input.surveys, snakemake.params.mice, strict=True) if owner == mouse]
        )
        for mouse in maps.mice
    ]
    background = np.stack([survey.std_frame[:, columns] for survey in surveys])
    mask = np.stack([survey.mask[:, columns] for survey in surveys])
    parcels = load_atlas(*snakemake.input.atlas).parcels[:, columns] if snakemake.input.atlas else None
    figure = plot_gradcam(
        maps.maps, maps.examples, background, mask, maps.mice, maps.states, snakemake.params.title, parcels
    )
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
