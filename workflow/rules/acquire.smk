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


if DATASET["source"] == "physionet":

    checkpoint index:
        output:
            f"{RESOURCES}/index.tsv",
        log:
            f"{LOGS}/index.log",
        benchmark:
            f"{BENCHMARKS}/index.tsv"
        conda:
            "../../envs/base.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=60,
            connections=DATASET["physionet"]["connections"],
        params:
            database=DATASET["physionet"],
            with_atlas=DATASET["atlas"] is None,
            keep_raw=DATASET["keep_raw"],
            raw=f"{RESOURCES}/raw",
            folds={name: experiment["folds"] for name, experiment in EXPERIMENTS.items()},
        message:
            "Asking the database for its files"
        script:
            "../scripts/index.py"

    # A part of this file that a killed job left is not an output, so Snakemake lets it lie and the next job goes on.
    # Updated, not made anew: a job that runs again (its script has changed, say) finds the file and keeps it if its
    # checksum is right. patience_s is a resource because a change of it is no reason to run again.
    # What uses a recording goes before the next download, and the atlas before all, so that raw files that are not kept
    # go soon. The index is ancient: a file that is there needs no other, its checksum is compared before it is used.
    rule download:
        input:
            index=ancient(f"{RESOURCES}/index.tsv"),
        output:
            (update if DATASET["keep_raw"] else temp)(f"{RESOURCES}/raw/{{mouse}}/{{recording}}.mat"),
        log:
            f"{LOGS}/download/{{mouse}}/{{recording}}.log",
        benchmark:
            f"{BENCHMARKS}/download/{{mouse}}/{{recording}}.tsv"
        conda:
            "../../envs/base.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=1440,
            connections=1,
            patience_s=DATASET["physionet"]["patience_s"],
        message:
            "Fetching recording {wildcards.recording} of {wildcards.mouse}"
        script:
            "../scripts/download.py"

    use rule download as download_atlas with:
        output:
            update(f"{RESOURCES}/raw/atlas.mat"),
        log:
            f"{LOGS}/download_atlas.log",
        benchmark:
            f"{BENCHMARKS}/download_atlas.tsv"
        priority: 3
        message:
            "Fetching the atlas"


rule atlas:
    input:
        lambda wildcards: source_atlas(),
    output:
        f"{RESOURCES}/atlas.mat",
    log:
        f"{LOGS}/atlas.log",
    benchmark:
        f"{BENCHMARKS}/atlas.tsv"
    priority: 3
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


# One pass over a recording: is it usable, and what does it show of parcels and frames?
rule check_recording:
    input:
        recording=raw_recording,
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        check=f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv",
        images=f"{RESOURCES}/surveys/{{mouse}}/{{recording}}.h5",
        traces=f"{RESOURCES}/parcels/{{mouse}}/{{recording}}.tsv",
    log:
        f"{LOGS}/check_recording/{{mouse}}/{{recording}}.log",
    benchmark:
        f"{BENCHMARKS}/check_recording/{{mouse}}/{{recording}}.tsv"
    priority: 1
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        sha256=lambda wildcards: published_sha256(wildcards),
    message:
        "Checking recording {wildcards.recording} of {wildcards.mouse}"
    script:
        "../scripts/check_recording.py"


rule list_recordings:
    input:
        lambda wildcards: for_each_recording(f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv"),
    output:
        recordings=f"{RESOURCES}/recordings.tsv",
        quality=f"{RESOURCES}/quality.tsv",
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
