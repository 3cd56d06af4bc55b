"""Make the synthetic atlas in the format of the database's atlas.mat."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.data.synthetic import synthesise_atlas

    synthesise_atlas(snakemake.output[0])
