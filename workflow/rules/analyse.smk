# Numbers: how well the networks score, how fragmented sleep is, how all of it was made.


rule metrics:
    input:
        for_each_fold("predictions.tsv"),
    output:
        table=report(
            f"{RESULTS}/{{experiment}}/metrics.tsv",
            caption="../report/metrics.rst",
            category="Performance",
            labels={"experiment": "{experiment}", "table": "metrics"},
        ),
        document=f"{RESULTS}/{{experiment}}/metrics.json",
    log:
        f"{LOGS}/{{experiment}}/metrics.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/metrics.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        analysis=setting("analysis"),
    message:
        "Measuring the performance of {wildcards.experiment}"
    script:
        "../scripts/metrics.py"


rule fragmentation:
    input:
        predictions=for_each_fold("predictions.tsv"),
        recordings=f"{RESOURCES}/recordings.tsv",
    output:
        fragmentation=report(
            f"{RESULTS}/{{experiment}}/fragmentation.tsv",
            caption="../report/fragmentation_table.rst",
            category="Sleep",
            labels={"experiment": "{experiment}", "table": "fragmentation"},
        ),
        bouts=f"{RESULTS}/{{experiment}}/bouts.tsv",
        transitions=f"{RESULTS}/{{experiment}}/transitions.tsv",
    log:
        f"{LOGS}/{{experiment}}/fragmentation.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/fragmentation.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
    message:
        "Measuring the fragmentation of sleep in {wildcards.experiment}"
    script:
        "../scripts/fragmentation.py"


rule published:
    input:
        expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=EXPERIMENTS),
    output:
        report(
            f"{RESULTS}/published.tsv",
            caption="../report/published.rst",
            category="Performance",
            labels={"experiment": "all", "table": "beside the published numbers"},
        ),
    log:
        f"{LOGS}/published.log",
    benchmark:
        f"{BENCHMARKS}/published.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        experiments=EXPERIMENTS,
        synthetic=DATASET["source"] == "synthetic",
    message:
        "Setting the paper's numbers beside ours"
    script:
        "../scripts/published.py"


rule provenance:
    input:
        recordings=f"{RESOURCES}/recordings.tsv",
        atlas=f"{RESOURCES}/atlas.mat",
        tables=expand(f"{RESULTS}/{{experiment}}/metrics.json", experiment=EXPERIMENTS),
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{LOGS}/provenance.log",
    benchmark:
        f"{BENCHMARKS}/provenance.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration=CONFIG,
    message:
        "Recording versions, configuration and checksums"
    script:
        "../scripts/provenance.py"
