"""Draw a figure of the catalogue: load its module, let it draw, write SVG and PNG."""

from wfci_sleep.run.step import step

with step(snakemake, snakemake.params.module):
    from importlib import import_module

    from wfci_sleep.figures.style import palette, save

    params = snakemake.params
    draw = getattr(import_module(params.module), params.function)
    with palette(params.get("palette", "published")):
        figure = draw(snakemake.input, params)
    save(figure, snakemake.output.svg, snakemake.output.png, params.note)
