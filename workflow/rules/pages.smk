# What the report shows beside figures: its opening page's facts, and tables that can be sorted.

# An experiment's settings where a configuration says nothing: those of the paper.
NOTHING_SAID = {"run": {"name": "defaults"}, "dataset": {"source": "synthetic"}}
DEFAULTS = settings.resolve(NOTHING_SAID, SCHEMA, "the schema")["experiments"]["main"]


rule overview:
    input:
        quality=f"{RESOURCES}/quality.tsv",
        metrics=f"{RESULTS}/{MAIN}/metrics.tsv",
    output:
        overview=f"{RESULTS}/overview.rst",
    log:
        f"{LOGS}/overview.log",
    benchmark:
        f"{BENCHMARKS}/overview.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration=CONFIG,
        main=MAIN,
        defaults=DEFAULTS,
    message:
        "Gathering the facts of the report's opening page"
    script:
        "../scripts/overview.py"


rule table_page:
    input:
        table=f"{RESULTS}/{{experiment}}/{{table}}.tsv",
    output:
        page=report(
            f"{RESULTS}/{{experiment}}/tables/{{table}}.html",
            caption="../report/table.rst",
            category=question,
            subcategory="{experiment}",
            labels=lambda wildcards: {"result": f"table: {page_title(wildcards)}"},
        ),
    log:
        f"{LOGS}/{{experiment}}/tables/{{table}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/tables/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(name for name in TABLE_PAGES if name not in RUN_TABLES),
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        title=page_title,
        about=lambda wildcards, input: " · ".join([input.table, *([NOTE] if NOTE else [])]),
    message:
        "Making a page of {input.table}"
    script:
        "../scripts/table_page.py"


use rule table_page as table_page_of_run with:
    input:
        table=lambda wildcards: RUN_TABLES[wildcards.table],
    output:
        page=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../report/table.rst",
            category=question,
            labels=lambda wildcards: {"result": f"table: {page_title(wildcards)}"},
        ),
    log:
        f"{LOGS}/tables/{{table}}.log",
    benchmark:
        f"{BENCHMARKS}/tables/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(RUN_TABLES),


# Without a benchmark: Snakemake takes that for an output, and what is there is not made again.
rule report:
    """The HTML report: of the whole study where it has been run, else of the main experiment."""
    input:
        of_main,
    log:
        f"{LOGS}/report.log",
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        command=same_workflow(),
        target=lambda wildcards: "paper" if all(map(os.path.exists, of_paper(wildcards))) else "all",
        stylesheet=f"{workflow.basedir}/workflow/report/report.css",
        unfinished=f"{RESULTS}/.report.html",
        report=f"{RESULTS}/report.html",
    message:
        "Writing {params.report}"
    shell:
        "{params.command:q} {params.target} --report {params.unfinished:q} --report-stylesheet {params.stylesheet:q}"
        " > {log:q} 2>&1 && mv {params.unfinished:q} {params.report:q}"
