# Recordings and atlas: made or found, and checked before anything is computed from them.

if DATASET["source"] == "synthetic":

    rule synthesise_recording:
        output:
            f"{RESOURCES}/raw/{{mouse}}/{{recording}}.mat",
        log:
            f"{LOGS}/synthesise_recording/{{mouse}}/{{recording}}.log",
        benchmark:
            f"{BENCHMARKS}/synthesise_recording/{{mouse}}/{{recording}}.tsv"
        conda:
            "../../envs/base.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            settings=DATASET["synthetic"],
        message:
            "Synthesising recording {wildcards.recording} of {wildcards.mouse}"
        script:
            "../scripts/synthesise_recording.py"

    rule synthesise_atlas:
        output:
            f"{RESOURCES}/raw/atlas.mat",
        log:
            f"{LOGS}/synthesise_atlas.log",
        benchmark:
            f"{BENCHMARKS}/synthesise_atlas.tsv"
        conda:
            "../../envs/base.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        message:
            "Synthesising the atlas"
        script:
            "../scripts/synthesise_atlas.py"


rule atlas:
    input:
        lambda wildcards: source_atlas(),
    output:
        f"{RESOURCES}/atlas.mat",
    log:
        f"{LOGS}/atlas.log",
    benchmark:
        f"{BENCHMARKS}/atlas.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    message:
        "Checking the atlas {input}"
    script:
        "../scripts/atlas.py"


rule check_recording:
    input:
        raw_recording,
    output:
        f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv",
    log:
        f"{LOGS}/check_recording/{{mouse}}/{{recording}}.log",
    benchmark:
        f"{BENCHMARKS}/check_recording/{{mouse}}/{{recording}}.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    message:
        "Checking recording {wildcards.recording} of {wildcards.mouse}"
    script:
        "../scripts/check_recording.py"


rule list_recordings:
    input:
        lambda wildcards: for_each_recording(f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv"),
    output:
        f"{RESOURCES}/recordings.tsv",
    log:
        f"{LOGS}/list_recordings.log",
    benchmark:
        f"{BENCHMARKS}/list_recordings.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        recordings=lambda wildcards: recording_table().to_dict("list"),
    message:
        "Listing the recordings"
    script:
        "../scripts/list_recordings.py"
