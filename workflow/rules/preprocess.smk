# Windows: the frames that networks see, cut from the recordings.


rule cut_windows:
    input:
        recording=raw_recording,
        epochs=f"{RESOURCES}/epochs/{{mouse}}/{{recording}}.tsv",
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        shards=[f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tfrecord"],
        indices=[f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv"],
    log:
        f"{LOGS}/windows/{{windowing}}/{{mouse}}/{{recording}}.log",
    benchmark:
        f"{BENCHMARKS}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv"
    wildcard_constraints:
        windowing="|".join(ALONE),
    priority: 2
    conda:
        "../../envs/base.yaml"
    threads: threads_of_a_recording
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        code=code_of("cut_windows"),
        windows=lambda wildcards: [WINDOWINGS[wildcards.windowing]],
    message:
        "Cutting {wildcards.recording} of {wildcards.mouse} into windows ({wildcards.windowing})"
    script:
        "../scripts/cut_windows.py"


if TOGETHER:

    use rule cut_windows as cut_windows_together with:
        output:
            shards=[
                f"{RESOURCES}/windows/{seconds}s-{{family}}/{{mouse}}/{{recording}}.tfrecord"
                for seconds in CONFIG["sweep"]["seconds"]
            ],
            indices=[
                f"{RESOURCES}/windows/{seconds}s-{{family}}/{{mouse}}/{{recording}}.tsv"
                for seconds in CONFIG["sweep"]["seconds"]
            ],
        log:
            f"{LOGS}/windows/together-{{family}}/{{mouse}}/{{recording}}.log",
        benchmark:
            f"{BENCHMARKS}/windows/together-{{family}}/{{mouse}}/{{recording}}.tsv"
        wildcard_constraints:
            family="|".join(TOGETHER),
        params:
            windows=lambda wildcards: list(TOGETHER[wildcards.family].values()),
        message:
            "Cutting {wildcards.recording} of {wildcards.mouse} into windows of several lengths ({wildcards.family})"
