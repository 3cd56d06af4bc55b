"""Draw mask, parcels and mean frame of one mouse, to see misregistration at a glance."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.atlas import load_atlas
    from wfci_sleep.figures.registration import plot_registration
    from wfci_sleep.figures.style import save
    from wfci_sleep.survey import read_surveys

    survey = read_surveys(snakemake.input.surveys)
    parcels = load_atlas(snakemake.input.atlas).parcels
    figure = plot_registration(snakemake.wildcards.mouse, survey.mask, parcels, survey.mean_frame, survey.std_frame)
    save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.note)
