"""Tables that an estimate is computed from."""

from wfci_sleep.tables import TEXT, Table, number

RATES = Table(
    {**dict.fromkeys(("rule", "unit", "source"), TEXT), **dict.fromkeys(("cpu_s", "gpu_s", "mb"), number(0))},
    made=False,
)
"""The table of rates that comes with the library."""

BENCHMARK = Table({"s": TEXT, "cpu_time": TEXT})
"""Snakemake's benchmark files, where a cell may lack a number."""
