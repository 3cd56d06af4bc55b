"""Estimate what is left of a run: ask Snakemake for its plan, reckon with measured rates, print the table."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import subprocess

    from wfci_sleep.errors import InputError
    from wfci_sleep.run import estimate
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.costs import RATES
    from wfci_sleep.tables.recordings import CHECK

    params = snakemake.params
    experiments = params.experiments
    command = [*params.command, "--nolock", "--summary", "--", params.target]
    plan = subprocess.run(command, capture_output=True, text=True)
    print(plan.stderr)
    if plan.returncode:
        raise InputError(f"Snakemake has no plan for this configuration, it says why in {snakemake.log[0]}")
    jobs = estimate.planned_jobs(plan.stdout, params.patterns, params.logs, experiments)

    epochs = {tuple(key): params.epochs for key in params.recordings}
    checked = 0
    for mouse, recording in epochs:
        try:
            check = read_table(f"{params.checks}/{mouse}/{recording}.tsv", CHECK)
        except InputError:
            continue
        epochs[mouse, recording] = int(check["epochs"].iloc[0])
        checked += 1

    units = estimate.work(jobs, experiments, params.windowings, epochs)
    costs = estimate.shipped_costs(jobs, units, read_table(estimate.SHIPPED_RATES, RATES))
    # The database says how large its files are.
    costs["mb"] = jobs["job"].map(params.megabytes).astype(float).fillna(costs["mb"])
    # What was trained where there is a GPU was trained on it: its time by the clock.
    on_gpu = (costs["gpu_s"] > 0) & params.with_gpu
    seconds, clock = (estimate.measured_seconds(jobs, params.benchmarks, column) for column in ("cpu_time", "s"))
    costs = estimate.with_measured(costs, jobs["rule"], seconds.where(~on_gpu), "cpu_s")
    costs = estimate.with_measured(costs, jobs["rule"], clock.where(on_gpu), "gpu_s")

    table = estimate.estimate_table(jobs, costs, experiments)
    measured, rules = jobs.loc[seconds.notna(), "rule"].nunique(), jobs["rule"].nunique()
    tell(table.to_string(index=False, float_format="{:.2f}".format))
    tell(f"Rates: {measured} of {rules} rules measured in this run, the rest from the shipped table.")
    unread = len(epochs) - checked
    assumed = f"{params.epochs} epochs in each of the {unread} recordings not read yet; " if unread else ""
    tell(f"Assumed: {assumed}the standard mask; every training epoch; a GPU of 10 TFLOP/s, which was not measured.")
    if not params.with_gpu:
        tell("No GPU is given (--resources gpu=1): training and scoring cost the hours of column CPU h.")
