"""Write the HTML report: Snakemake's own, of results that are there."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import subprocess

    from wfci_sleep.errors import InputError
    from wfci_sleep.files.atomic import written_atomically
    from wfci_sleep.files.disk import full_disk

    params = snakemake.params
    with written_atomically(params.report) as temporary:
        options = ["--report", temporary, "--report-stylesheet", params.stylesheet]
        made = subprocess.run([*params.command, *options, "--", params.target])
        if made.returncode:
            error = InputError(f"Snakemake made no report, it says why in {snakemake.log[0]}")
            raise InputError(full_disk(error, [temporary]) or error)
    tell(f"The report is {params.report}")
