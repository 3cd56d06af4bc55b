# What a run will cost, before it starts. The rule has no benchmark: Snakemake would take the file for an output and not
# run the rule again while it is there.

from wfci_sleep.run.estimate import ASSUMED_EPOCHS


rule estimate:
    """Jobs, disk, CPU hours and GPU hours of every experiment, before the run; nothing is started."""
    input:
        lambda wildcards: checkpoints.list_database.get().output[0] if DATASET["source"] == "physionet" else [],
    log:
        f"{LOGS}/estimate.log",
    localrule: True
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code_of("estimate_costs"),
        command=same_workflow,
        target=named("paper"),
        experiments=EXPERIMENTS,
        windowings={
            **{name: [windows] for name, windows in WINDOWINGS.items()},
            **{f"together-{family}": list(members.values()) for family, members in TOGETHER.items()},
        },
        recordings=lambda wildcards: recording_keys(),
        # Epochs of a recording that has not been read yet.
        epochs=DATASET["synthetic"]["epochs_per_run"] if DATASET["source"] == "synthetic" else ASSUMED_EPOCHS,
        megabytes=lambda wildcards: (
            {
                f"download/{file.mouse}/{file.recording}": file.bytes / 1e6 * DATASET["keep_raw"]
                for file in physionet_recordings().dropna(subset="bytes").itertuples()
            }
            if DATASET["source"] == "physionet"
            else {}
        ),
        # To find the job of an output: Snakemake's summary names the rule only of files that are there.
        patterns=lambda wildcards: [
            (name_here(rule), output.regex().pattern, str(rule.log[0]))
            for rule in workflow.rules
            for output in rule.output
            if rule.log
        ],
        checks=f"{RESOURCES}/checks",
        logs=LOGS,
        benchmarks=BENCHMARKS,
        with_gpu=lambda wildcards: "gpu" in workflow.global_resources,
    message:
        "Estimating what is left of the run"
    script:
        "../scripts/estimate_costs.py"
