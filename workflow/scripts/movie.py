"""Make the movie of an example: the frames, where the network looked, and when."""

from wfci_sleep.step import step

with step(snakemake):
    from wfci_sleep.examples import read_example
    from wfci_sleep.figures.movie import write_movie

    example = read_example(snakemake.input.example)
    write_movie(snakemake.output[0], example, snakemake.params.normalisation, note=snakemake.params.note)
