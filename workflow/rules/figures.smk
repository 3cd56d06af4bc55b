# Figures, a rule each: SVG for the report and for print, PNG for looking at.
# Every figure carries the note that its data are synthetic where they are.


rule registration_figure:
    input:
        surveys=lambda wildcards: [
            f"{RESOURCES}/surveys/{mouse}/{recording}.h5"
            for mouse, recording in recording_keys()
            if mouse == wildcards.mouse
        ],
        atlas=f"{RESOURCES}/atlas.mat",
        code=drawn_by("registration"),
    output:
        svg=report(
            f"{RESULTS}/figures/registration-{{mouse}}.svg",
            caption="../report/registration.rst",
            category=SOUND,
            labels={"result": "registration", "mouse": "{mouse}"},
        ),
        png=f"{RESULTS}/figures/registration-{{mouse}}.png",
    log:
        f"{LOGS}/figures/registration-{{mouse}}.log",
    benchmark:
        f"{BENCHMARKS}/figures/registration-{{mouse}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the registration of {wildcards.mouse}"
    script:
        "../scripts/registration_figure.py"


rule hypnogram_figure:
    input:
        predictions=for_each_fold("predictions.tsv"),
        recordings=f"{RESOURCES}/recordings.tsv",
        scorers=scorer_tables,
        agreement=f"{RESULTS}/{{experiment}}/agreement.tsv",
        code=drawn_by("hypnogram"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/hypnogram-{{mouse}}.svg",
            caption="../report/hypnogram.rst",
            category=SLEEP,
            subcategory="{experiment}",
            labels={"result": "hypnogram", "mouse": "{mouse}"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/hypnogram-{{mouse}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/hypnogram-{{mouse}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/hypnogram-{{mouse}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        scorers=scorer_names,
        note=NOTE,
    message:
        "Drawing the hypnogram of {wildcards.mouse} ({wildcards.experiment})"
    script:
        "../scripts/hypnogram_figure.py"


rule raters_figure:
    input:
        predictions=for_each_fold("predictions.tsv"),
        recordings=f"{RESOURCES}/recordings.tsv",
        scorers=scorer_tables,
        agreement=f"{RESULTS}/{{experiment}}/agreement.tsv",
        code=drawn_by("raters") + drawn_by("hypnogram") + drawn_by("confusion"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/raters-{{mouse}}.svg",
            caption="../report/raters.rst",
            category=SLEEP,
            subcategory="{experiment}",
            labels={"result": "human scorers", "mouse": "{mouse}"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/raters-{{mouse}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/raters-{{mouse}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/raters-{{mouse}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        scorers=scorer_names,
        note=NOTE,
    message:
        "Drawing the human scorers of {wildcards.mouse} ({wildcards.experiment})"
    script:
        "../scripts/raters_figure.py"


rule confusion_figure:
    input:
        predictions=for_each_fold("predictions.tsv"),
        code=drawn_by("confusion"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/confusion.svg",
            caption="../report/confusion.rst",
            category=AGREEMENT,
            subcategory="{experiment}",
            labels={"result": "confusion matrix"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/confusion.png",
    log:
        f"{LOGS}/{{experiment}}/figures/confusion.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/confusion.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        note=NOTE,
    message:
        "Drawing the confusion matrix of {wildcards.experiment}"
    script:
        "../scripts/confusion_figure.py"


rule performance_figure:
    input:
        metrics=f"{RESULTS}/{{experiment}}/metrics.tsv",
        code=drawn_by("performance"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/performance.svg",
            caption="../report/performance.rst",
            category=AGREEMENT,
            subcategory="{experiment}",
            labels={"result": "measures"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/performance.png",
    log:
        f"{LOGS}/{{experiment}}/figures/performance.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/performance.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the measures of {wildcards.experiment}"
    script:
        "../scripts/performance_figure.py"


rule reliability_figure:
    input:
        predictions=for_each_fold("predictions.tsv"),
        code=drawn_by("reliability"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/reliability.svg",
            caption="../report/reliability.rst",
            category=AGREEMENT,
            subcategory="{experiment}",
            labels={"result": "calibration"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/reliability.png",
    log:
        f"{LOGS}/{{experiment}}/figures/reliability.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/reliability.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the calibration of {wildcards.experiment}"
    script:
        "../scripts/reliability_figure.py"


rule transition_distance_figure:
    input:
        table=f"{RESULTS}/{{experiment}}/transition_distance.tsv",
        code=drawn_by("transition_distance"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/transition_distance.svg",
            caption="../report/transition_distance.rst",
            category=AGREEMENT,
            subcategory="{experiment}",
            labels={"result": "near changes of state"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/transition_distance.png",
    log:
        f"{LOGS}/{{experiment}}/figures/transition_distance.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/transition_distance.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        note=NOTE,
    message:
        "Drawing the performance near changes of state ({wildcards.experiment})"
    script:
        "../scripts/transition_distance_figure.py"


rule learning_figure:
    input:
        history=for_each_fold("history.csv"),
        code=drawn_by("learning"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/learning.svg",
            caption="../report/learning.rst",
            category=AGREEMENT,
            subcategory="{experiment}",
            labels={"result": "learning curves"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/learning.png",
    log:
        f"{LOGS}/{{experiment}}/figures/learning.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/learning.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the learning curves of {wildcards.experiment}"
    script:
        "../scripts/learning_figure.py"


rule gradcam_figure:
    input:
        gradcam=for_each_fold("gradcam.h5"),
        surveys=lambda wildcards: for_each_recording(f"{RESOURCES}/surveys/{{mouse}}/{{recording}}.h5"),
        atlas=lambda wildcards: [f"{RESOURCES}/atlas.mat"] if wildcards.atlas else [],
        code=drawn_by("gradcam"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/{{method}}{{atlas}}.svg",
            caption="../report/gradcam.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels=lambda wildcards: {
                "result": METHOD_TITLES[wildcards.method] + (" with parcels" if wildcards.atlas else "")
            },
        ),
        png=f"{RESULTS}/{{experiment}}/figures/{{method}}{{atlas}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/{{method}}{{atlas}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/{{method}}{{atlas}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        hemisphere=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["hemisphere"],
        mice=lambda wildcards: [mouse for mouse, _ in recording_keys()],
        title=lambda wildcards: METHOD_TITLES[wildcards.method],
        note=NOTE,
    message:
        "Drawing {params.title} of {wildcards.experiment}"
    script:
        "../scripts/gradcam_figure.py"


rule gradcam_parcels_figure:
    input:
        table=f"{RESULTS}/{{experiment}}/gradcam_parcels.tsv",
        atlas=f"{RESOURCES}/atlas.mat",
        code=drawn_by("gradcam_parcels"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/{{method}}_parcels.svg",
            caption="../report/gradcam_parcels.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels=lambda wildcards: {"result": f"{METHOD_TITLES[wildcards.method]} by area"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/{{method}}_parcels.png",
    log:
        f"{LOGS}/{{experiment}}/figures/{{method}}_parcels.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/{{method}}_parcels.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        title=lambda wildcards: METHOD_TITLES[wildcards.method],
        note=NOTE,
    message:
        "Drawing {params.title} of {wildcards.experiment} by area"
    script:
        "../scripts/gradcam_parcels_figure.py"


rule attention_time_course_figure:
    input:
        attention=for_each_fold("attention.h5"),
        code=drawn_by("attention"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_time_course.svg",
            caption="../report/attention_time_course.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels={"result": "attention over the window"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/attention_time_course.png",
    log:
        f"{LOGS}/{{experiment}}/figures/attention_time_course.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/attention_time_course.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        note=NOTE,
    message:
        "Drawing attention over the window ({wildcards.experiment})"
    script:
        "../scripts/attention_time_course_figure.py"


rule attention_session_figure:
    input:
        attention=for_each_fold("attention.h5"),
        recordings=f"{RESOURCES}/recordings.tsv",
        code=drawn_by("attention"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_session-{{mouse}}.svg",
            caption="../report/attention_session.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels={"result": "attention over the session", "mouse": "{mouse}"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/attention_session-{{mouse}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/attention_session-{{mouse}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/attention_session-{{mouse}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        note=NOTE,
    message:
        "Drawing attention over the session of {wildcards.mouse} ({wildcards.experiment})"
    script:
        "../scripts/attention_session_figure.py"


rule attention_distribution_figure:
    input:
        attention=for_each_fold("attention.h5"),
        code=drawn_by("attention"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_distribution.svg",
            caption="../report/attention_distribution.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels={"result": "distribution of attention"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/attention_distribution.png",
    log:
        f"{LOGS}/{{experiment}}/figures/attention_distribution.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/attention_distribution.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        classes=lambda wildcards: EXPERIMENTS[wildcards.experiment]["labels"]["classes"],
        note=NOTE,
    message:
        "Drawing the distribution of attention ({wildcards.experiment})"
    script:
        "../scripts/attention_distribution_figure.py"


rule attention_transitions_figure:
    input:
        attention=for_each_fold("attention.h5"),
        recordings=f"{RESOURCES}/recordings.tsv",
        code=drawn_by("attention"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_transitions.svg",
            caption="../report/attention_transitions.rst",
            category=LOOK,
            subcategory="{experiment}",
            labels={"result": "attention near transitions"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/attention_transitions.png",
    log:
        f"{LOGS}/{{experiment}}/figures/attention_transitions.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/attention_transitions.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing attention near transitions ({wildcards.experiment})"
    script:
        "../scripts/attention_transitions_figure.py"


rule fragmentation_figure:
    input:
        fragmentation=f"{RESULTS}/{{experiment}}/fragmentation.tsv",
        bouts=f"{RESULTS}/{{experiment}}/bouts.tsv",
        transitions=f"{RESULTS}/{{experiment}}/transitions.tsv",
        code=drawn_by("fragmentation"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/fragmentation{{counted}}.svg",
            caption="../report/fragmentation.rst",
            category=SLEEP,
            subcategory="{experiment}",
            labels=lambda wildcards: {
                "result": "fragmentation, counted as published" if wildcards.counted else "fragmentation"
            },
        ),
        png=f"{RESULTS}/{{experiment}}/figures/fragmentation{{counted}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/fragmentation{{counted}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/fragmentation{{counted}}.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        counting=lambda wildcards: "published" if wildcards.counted else "gaps-end-bouts",
        note=NOTE,
    message:
        "Drawing the fragmentation of sleep in {wildcards.experiment} ({params.counting})"
    script:
        "../scripts/fragmentation_figure.py"


rule recordings_figure:
    input:
        quality=f"{RESOURCES}/quality.tsv",
        code=drawn_by("recordings"),
    output:
        svg=report(
            f"{RESULTS}/figures/recordings.svg",
            caption="../report/recordings.rst",
            category=SOUND,
            labels={"result": "recordings"},
        ),
        png=f"{RESULTS}/figures/recordings.png",
    log:
        f"{LOGS}/figures/recordings.log",
    benchmark:
        f"{BENCHMARKS}/figures/recordings.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the recordings"
    script:
        "../scripts/recordings_figure.py"


rule published_figure:
    input:
        table=f"{RESULTS}/published.tsv",
        code=drawn_by("published"),
    output:
        svg=report(
            f"{RESULTS}/figures/published.svg",
            caption="../report/published.rst",
            category=COMPARISON,
            labels={"result": "published numbers"},
        ),
        png=f"{RESULTS}/figures/published.png",
    log:
        f"{LOGS}/figures/published.log",
    benchmark:
        f"{BENCHMARKS}/figures/published.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the published numbers beside ours"
    script:
        "../scripts/published_figure.py"


rule comparison_figure:
    input:
        metrics=expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=EXPERIMENTS),
        code=drawn_by("comparison"),
    output:
        svg=report(
            f"{RESULTS}/figures/comparison.svg",
            caption="../report/comparison.rst",
            category=COMPARISON,
            labels={"result": "experiments, mouse by mouse"},
        ),
        png=f"{RESULTS}/figures/comparison.png",
    log:
        f"{LOGS}/figures/comparison.log",
    benchmark:
        f"{BENCHMARKS}/figures/comparison.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiments=list(EXPERIMENTS),
        reference=MAIN,
        note=NOTE,
    message:
        "Drawing the experiments beside each other"
    script:
        "../scripts/comparison_figure.py"


rule window_length_figure:
    input:
        metrics=expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=LENGTHS),
        code=drawn_by("window_length"),
    output:
        svg=report(
            f"{RESULTS}/figures/window_length.svg",
            caption="../report/window_length.rst",
            category=COMPARISON,
            labels={"result": "length of the window"},
        ),
        png=f"{RESULTS}/figures/window_length.png",
    log:
        f"{LOGS}/figures/window_length.log",
    benchmark:
        f"{BENCHMARKS}/figures/window_length.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        seconds=list(LENGTHS.values()),
        settings={section: EXPERIMENTS[next(iter(LENGTHS))][section] for section in ("folds", "labels")},
        note=NOTE,
    message:
        "Drawing the performance by length of the window"
    script:
        "../scripts/window_length_figure.py"


rule movie:
    input:
        example=f"{RESULTS}/{{experiment}}/examples/{{which}}.h5",
        code=drawn_by("movie"),
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
        normalisation=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["normalisation"],
        note=NOTE,
    message:
        "Filming {wildcards.which} ({wildcards.experiment})"
    script:
        "../scripts/movie.py"
