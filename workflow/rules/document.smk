# What a paper and a repository of data want: the methods section, and a description of the run for machines.


rule methods:
    input:
        quality=f"{RESOURCES}/quality.tsv",
        provenance=f"{RESULTS}/provenance.json",
    output:
        f"{RESULTS}/methods.md",
    log:
        f"{LOGS}/methods.log",
    benchmark:
        f"{BENCHMARKS}/methods.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration=CONFIG,
    message:
        "Writing the methods section"
    script:
        "../scripts/methods.py"


rule crate:
    input:
        provenance=f"{RESULTS}/provenance.json",
        methods=f"{RESULTS}/methods.md",
        tables=every_table,
        folds=expand(f"{RESULTS}/{{experiment}}/folds.tsv", experiment=EXPERIMENTS),
        # Networks and what they said: the folds are known once the recordings are.
        networks=lambda wildcards: [
            f"{RESULTS}/{experiment}/fold-{fold}/{name}"
            for experiment in EXPERIMENTS
            for fold in folds_of(experiment)
            for name in (
                "model.keras",
                "history.csv",
                "predictions.tsv",
                "calibration.json",
                "attention.h5",
                "gradcam.h5",
            )
        ],
        figures=lambda wildcards: [
            path.removesuffix(".svg") + suffix
            for path in [
                *figures_of("run"),
                *(path for experiment in EXPERIMENTS for path in figures_of("experiment", experiment)),
                *figures_of("comparison"),
            ]
            for suffix in (".svg", ".png")
        ],
    output:
        f"{RESULTS}/ro-crate-metadata.json",
    log:
        f"{LOGS}/crate.log",
    benchmark:
        f"{BENCHMARKS}/crate.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Describing the run as an RO-Crate"
    script:
        "../scripts/crate.py"
