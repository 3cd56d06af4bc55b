"""The figures: one module per figure, one style.

Every `plot_*` takes plain tables or arrays and returns a Figure. Every `draw` reads what the workflow made and calls
its `plot_*`; it takes two objects with attributes (`style.Named`), as Snakemake gives them to `plot_figure.py`:

inputs
    Files by the names that the catalogue gives them (`Figure.inputs`); a list where there is one for each fold.
params
    Settings by the names that the catalogue gives them (`Figure.settings`, `Figure.variant`), and `mouse` in a figure
    of each mouse.

From a notebook, `types.SimpleNamespace` does for both.
"""
