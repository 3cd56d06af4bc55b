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
    output:
        svg=report(
            f"{RESULTS}/figures/registration-{{mouse}}.svg",
            caption="../report/registration.rst",
            category="Data",
            labels={"mouse": "{mouse}", "figure": "registration"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/hypnogram-{{mouse}}.svg",
            caption="../report/hypnogram.rst",
            category="Sleep",
            labels={"experiment": "{experiment}", "mouse": "{mouse}", "figure": "hypnogram"},
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
        note=NOTE,
    message:
        "Drawing the hypnogram of {wildcards.mouse} ({wildcards.experiment})"
    script:
        "../scripts/hypnogram_figure.py"


rule confusion_figure:
    input:
        predictions=for_each_fold("predictions.tsv"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/confusion.svg",
            caption="../report/confusion.rst",
            category="Performance",
            labels={"experiment": "{experiment}", "figure": "confusion matrix"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/performance.svg",
            caption="../report/performance.rst",
            category="Performance",
            labels={"experiment": "{experiment}", "figure": "measures"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/reliability.svg",
            caption="../report/reliability.rst",
            category="Performance",
            labels={"experiment": "{experiment}", "figure": "calibration"},
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


rule learning_figure:
    input:
        history=for_each_fold("history.csv"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/learning.svg",
            caption="../report/learning.rst",
            category="Performance",
            labels={"experiment": "{experiment}", "figure": "learning curves"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/{{method}}.svg",
            caption="../report/gradcam.rst",
            category="Explanation",
            labels=lambda wildcards: {
                "experiment": wildcards.experiment,
                "figure": METHOD_TITLES[wildcards.method],
            },
        ),
        png=f"{RESULTS}/{{experiment}}/figures/{{method}}.png",
    log:
        f"{LOGS}/{{experiment}}/figures/{{method}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/{{method}}.tsv"
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


rule attention_time_course_figure:
    input:
        attention=for_each_fold("attention.h5"),
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_time_course.svg",
            caption="../report/attention_time_course.rst",
            category="Explanation",
            labels={"experiment": "{experiment}", "figure": "attention over the window"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_session-{{mouse}}.svg",
            caption="../report/attention_session.rst",
            category="Explanation",
            labels={"experiment": "{experiment}", "mouse": "{mouse}", "figure": "attention over the session"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_distribution.svg",
            caption="../report/attention_distribution.rst",
            category="Explanation",
            labels={"experiment": "{experiment}", "figure": "distribution of attention"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/attention_transitions.svg",
            caption="../report/attention_transitions.rst",
            category="Explanation",
            labels={"experiment": "{experiment}", "figure": "attention near transitions"},
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
    output:
        svg=report(
            f"{RESULTS}/{{experiment}}/figures/fragmentation.svg",
            caption="../report/fragmentation.rst",
            category="Sleep",
            labels={"experiment": "{experiment}", "figure": "fragmentation"},
        ),
        png=f"{RESULTS}/{{experiment}}/figures/fragmentation.png",
    log:
        f"{LOGS}/{{experiment}}/figures/fragmentation.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/figures/fragmentation.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        note=NOTE,
    message:
        "Drawing the fragmentation of sleep in {wildcards.experiment}"
    script:
        "../scripts/fragmentation_figure.py"


rule recordings_figure:
    input:
        quality=f"{RESOURCES}/quality.tsv",
    output:
        svg=report(
            f"{RESULTS}/figures/recordings.svg",
            caption="../report/recordings.rst",
            category="Data",
            labels={"mouse": "all", "figure": "recordings"},
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
