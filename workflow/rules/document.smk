# Documents for a paper and for a repository of data: the methods section, and a description of the run for machines.


rule write_methods:
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
        code=code_of("write_methods"),
        configuration=CONFIG,
    message:
        "Writing the methods section"
    script:
        "../scripts/write_methods.py"


rule write_crate:
    input:
        provenance=f"{RESULTS}/provenance.json",
        methods=f"{RESULTS}/methods.md",
        tables=every_table,
        folds=expand(f"{RESULTS}/{{experiment}}/folds.tsv", experiment=EXPERIMENTS),
        # The folds are known once the recordings are.
        networks=lambda wildcards: [path for experiment in EXPERIMENTS for path in networks_of(experiment)],
        figures=lambda wildcards: [
            path.removesuffix(".svg") + suffix for path in every_figure() for suffix in (".svg", ".png")
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
    params:
        code=code_of("write_crate"),
    message:
        "Describing the run as an RO-Crate"
    script:
        "../scripts/write_crate.py"
