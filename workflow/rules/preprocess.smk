# From recordings to what networks look at.


rule windows:
    input:
        recording=raw_recording,
        checked=f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv",
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        shard=f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tfrecord",
        index=f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv",
    log:
        f"{LOGS}/windows/{{windowing}}/{{mouse}}/{{recording}}.log",
    benchmark:
        f"{BENCHMARKS}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv"
    priority: 2
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        windows=lambda wildcards: WINDOWINGS[wildcards.windowing],
    message:
        "Cutting {wildcards.recording} of {wildcards.mouse} into windows ({wildcards.windowing})"
    script:
        "../scripts/windows.py"
