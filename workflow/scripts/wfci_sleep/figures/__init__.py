"""The figures: one module per figure, one style; every `plot_*` takes plain tables or arrays and returns a Figure."""
