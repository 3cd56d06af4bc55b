"""wfci_sleep: sleep states of mice from wide-field calcium imaging, as a library without Snakemake."""
