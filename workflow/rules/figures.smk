# Figures: a rule for each entry of the catalogue. SVG for the report and for print, PNG for looking at. Every figure
# carries the note that its data are synthetic where they are.


for figure in FIGURES.values():

    rule:
        name:
            f"plot_{figure.name}"
        input:
            **{name: INPUTS[name] for name in figure.inputs},
        output:
            svg=report(
                f"{figure_path(figure)}.svg",
                caption=f"../report/{figure.caption}.rst",
                category=figure.question,
                subcategory=f"{{{figure.of}}}" if figure.of in ("experiment", "series") else None,
                labels={"result": figure.label, **({"mouse": "{mouse}"} if figure.each_mouse else {})},
            ),
            png=f"{figure_path(figure)}.png",
        log:
            f"{figure_path(figure).replace(RESULTS, LOGS, 1)}.log",
        benchmark:
            f"{figure_path(figure).replace(RESULTS, BENCHMARKS, 1)}.tsv"
        group:
            with_pages(figure)
        conda:
            "../../envs/figures.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 1000 * attempt,
            runtime=lambda wildcards, attempt: 5 * attempt,
        params:
            **{name: SETTINGS[name] for name in figure.settings},
            **figure.variant,
            **(OF_MOUSE if figure.each_mouse else {}),
            code=code_of("plot_figure", figure.module),
            module=figure.module,
            function=figure.function,
            note=NOTE,
        message:
            drawing(figure)
        script:
            "../scripts/plot_figure.py"


rule film_example:
    input:
        example=f"{RESULTS}/{{experiment}}/examples/{{which}}.h5",
    output:
        report(
            f"{RESULTS}/{{experiment}}/movies/{{which}}.{{format}}",
            caption="../report/movie.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels={"result": "movie: {which}"},
        ),
    log:
        f"{LOGS}/{{experiment}}/movies/{{which}}.{{format}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/movies/{{which}}.{{format}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("film_example"),
        normalisation=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["normalisation"],
        note=NOTE,
    message:
        "Filming {wildcards.which} ({wildcards.experiment})"
    script:
        "../scripts/film_example.py"
