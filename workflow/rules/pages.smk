# The report, and what it shows beside figures: the facts of its opening page, and tables that can be sorted.


rule write_overview:
    input:
        quality=f"{RESOURCES}/quality.tsv",
        states=f"{RESULTS}/{MAIN}/folds-states.tsv",
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
        code=code_of("write_overview"),
        configuration=CONFIG,
        main=MAIN,
        defaults=settings.defaults(),
    message:
        "Gathering the facts of the report's opening page"
    script:
        "../scripts/write_overview.py"


rule make_table_page:
    input:
        table=f"{RESULTS}/{{experiment}}/{{table}}.tsv",
    output:
        page=report(
            f"{RESULTS}/{{experiment}}/tables/{{table}}.html",
            caption="../report/table.rst",
            category=question,
            subcategory="{experiment}",
            labels=page_label,
        ),
    log:
        f"{LOGS}/{{experiment}}/tables/{{table}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/tables/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(paged_tables("experiment")),
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("make_table_page"),
        title=lambda wildcards: TABLES[wildcards.table].label,
        about=lambda wildcards, input: " · ".join([input.table, *([NOTE] if NOTE else [])]),
    message:
        "Making a page of {input.table}"
    script:
        "../scripts/make_table_page.py"


use rule make_table_page as make_table_page_of_run with:
    input:
        table=lambda wildcards: table_path(TABLES[wildcards.table]),
    output:
        page=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../report/table.rst",
            category=question,
            labels=page_label,
        ),
    log:
        f"{LOGS}/tables/{{table}}.log",
    benchmark:
        f"{BENCHMARKS}/tables/{{table}}.tsv"
    wildcard_constraints:
        table="|".join(paged_tables("run", "comparison")),


# The rule has no benchmark: Snakemake would take the file for an output and not run the rule again while it is there.
rule report:
    """The HTML report: of the whole study where it has been run, else of the main experiment."""
    input:
        of_main,
    log:
        f"{LOGS}/report.log",
    localrule: True
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("write_report"),
        command=same_workflow,
        target=lambda wildcards: named("paper" if all(map(os.path.exists, of_paper(wildcards))) else "all"),
        stylesheet=f"{HERE}/report/report.css",
        report=f"{RESULTS}/report.html",
    message:
        "Writing {params.report}"
    script:
        "../scripts/write_report.py"
