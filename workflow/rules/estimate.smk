# What a run will cost, before it starts. Without a benchmark: Snakemake takes that for an output, and what is there is
# not made again, while an estimate is made whenever it is asked for.

from wfci_sleep.estimate import ASSUMED_EPOCHS


rule estimate:
    """Jobs, disk, CPU hours and GPU hours of every experiment, before the run; nothing is started."""
    input:
        lambda wildcards: checkpoints.index.get().output[0] if DATASET["source"] == "physionet" else [],
    log:
        f"{LOGS}/estimate.log",
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        command=[*same_workflow()[:-1], "--nolock", "--summary", "--"],
        target=["paper"],
        experiments=EXPERIMENTS,
        windowings={
            **{name: [windows] for name, windows in WINDOWINGS.items()},
            **{f"together-{family}": list(members.values()) for family, members in TOGETHER.items()},
        },
        recordings=lambda wildcards: recording_keys(),
        # What is known of a recording that nobody has read yet.
        epochs=DATASET["synthetic"]["epochs_per_run"] if DATASET["source"] == "synthetic" else ASSUMED_EPOCHS,
        megabytes=lambda wildcards: (
            {
                f"download/{file.mouse}/{file.recording}": file.bytes / 1e6 * DATASET["keep_raw"]
                for file in physionet_recordings().dropna(subset="bytes").itertuples()
            }
            if DATASET["source"] == "physionet"
            else {}
        ),
        # How to tell a job from one of its outputs: Snakemake's summary names the rule of what is there already only.
        patterns=lambda wildcards: [
            (rule.name, output.regex().pattern, str(rule.log[0]))
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
        "../scripts/estimate.py"
