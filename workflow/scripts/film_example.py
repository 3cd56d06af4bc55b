"""Make the movie of an example: the frames, where the network looked, and when."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.figures.movie import write_movie
    from wfci_sleep.scoring.examples import read_example

    example = read_example(snakemake.input.example)
    write_movie(snakemake.output[0], example, snakemake.params.normalisation, note=snakemake.params.note)
