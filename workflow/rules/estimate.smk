# What a run will cost, before it starts.

from wfci_sleep.estimate import ASSUMED_EPOCHS


rule estimate:
    """Jobs, disk, CPU hours and GPU hours of every experiment, before the run; nothing is started."""
    input:
        lambda wildcards: checkpoints.index.get().output[0] if DATASET["source"] == "physionet" else [],
    log:
        f"{LOGS}/estimate.log",
    benchmark:
        f"{BENCHMARKS}/estimate.tsv"
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
        checks=f"{RESOURCES}/checks",
        logs=LOGS,
        benchmarks=BENCHMARKS,
        with_gpu=lambda wildcards: "gpu" in workflow.global_resources,
    message:
        "Estimating what is left of the run"
    script:
        "../scripts/estimate.py"
