# What takes every experiment: each beside the others, and beside the published numbers.


rule comparison:
    input:
        expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=EXPERIMENTS),
    output:
        f"{RESULTS}/comparison.tsv",
    log:
        f"{LOGS}/comparison.log",
    benchmark:
        f"{BENCHMARKS}/comparison.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        experiments=QUESTIONS,
        reference=MAIN,
        synthetic=DATASET["source"] == "synthetic",
    message:
        "Comparing the experiments with {params.reference}"
    script:
        "../scripts/comparison.py"


rule published:
    input:
        metrics=expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=EXPERIMENTS),
        agreement=expand(f"{RESULTS}/{{experiment}}/agreement.tsv", experiment=EXPERIMENTS),
    output:
        f"{RESULTS}/published.tsv",
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
        experiments=QUESTIONS,
        main=MAIN,
        synthetic=DATASET["source"] == "synthetic",
    message:
        "Setting the paper's numbers beside ours"
    script:
        "../scripts/published.py"
