"""Average the class activation maps of every mouse and state over the links of moments that are as far apart."""

from wfci_sleep.run.step import step

with step(snakemake):
    import pandas as pd

    from wfci_sleep.analysis.links import link_table
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.scoring.explanations import LINKS, METHOD_TITLES, read_gradcam

    maps = {
        method: read_gradcam(snakemake.input.gradcam, method, snakemake.params.classes, shape=LINKS)
        for method in METHOD_TITLES
    }
    tables = [link_table(each).assign(method=method) for method, each in maps.items()]
    write_table(pd.concat(tables), snakemake.output[0], float_format="%.6g")
