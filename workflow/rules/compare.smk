# Comparisons of all experiments: with each other, and with the published numbers.


rule compare_experiments:
    input:
        expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=SHOWN),
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
        code=code_of("compare_experiments"),
        experiments=QUESTIONS,
        reference=MAIN,
        synthetic=DATASET["source"] == "synthetic",
    message:
        "Comparing the experiments with {params.reference}"
    script:
        "../scripts/compare_experiments.py"


rule compare_with_published:
    input:
        metrics=expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=SHOWN),
        agreement=expand(f"{RESULTS}/{{experiment}}/agreement.tsv", experiment=SHOWN),
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
        code=code_of("compare_with_published"),
        experiments=QUESTIONS,
        main=MAIN,
        synthetic=DATASET["source"] == "synthetic",
    message:
        "Setting the paper's numbers beside ours"
    script:
        "../scripts/compare_with_published.py"


rule compare_parcels:
    input:
        metrics=lambda wildcards: expand(
            f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=SERIES[wildcards.series].values()
        ),
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        f"{RESULTS}/{{series}}/parcel_scores.tsv",
    log:
        f"{LOGS}/{{series}}/parcel_scores.log",
    benchmark:
        f"{BENCHMARKS}/{{series}}/parcel_scores.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("compare_parcels"),
        parcels=lambda wildcards: list(SERIES[wildcards.series]),
    message:
        "Comparing the networks of one parcel each ({wildcards.series})"
    script:
        "../scripts/compare_parcels.py"
