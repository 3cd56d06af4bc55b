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
            code=code_of("synthesise_recording"),
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
        params:
            code=code_of("synthesise_atlas"),
        message:
            "Synthesising the atlas"
        script:
            "../scripts/synthesise_atlas.py"


if DATASET["source"] == "physionet":

    checkpoint list_database:
        output:
            index=f"{RESOURCES}/index.tsv",
            notes=f"{RESOURCES}/index_notes.txt",
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
            # A run waits for a connection; an estimate fails at once without one.
            patience_s=lambda wildcards: 1 if only_estimate() else DATASET["physionet"]["patience_s"],
        params:
            code=code_of("list_database"),
            database={key: value for key, value in DATASET["physionet"].items() if key != "patience_s"},
            with_atlas=DATASET["atlas"] is None,
            keep_raw=DATASET["keep_raw"],
            raw=f"{RESOURCES}/raw",
            folds={name: experiment["folds"] for name, experiment in EXPERIMENTS.items()},
            scorers=RATER_TABLES,
            exclude=DATASET["exclude"],
        message:
            "Asking {params.database[mirror]} for its files"
        script:
            "../scripts/list_database.py"

    # A killed job leaves a part of this file under another name. Snakemake does not delete it, and the next job goes on
    # from there. `update`: a job that runs again finds the file and keeps it if its checksum is right. The checksum
    # vouches for the file, so neither the code that fetched it nor patience_s is a param.
    # Priorities: the atlas first, then the steps that use a recording, then the next download, so that raw files that
    # are not kept are deleted soon. The index is ancient: a newer one does not fetch a file again, as the checksum is
    # compared before the file is used.
    rule download_recording:
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
            "../scripts/download_recording.py"

    use rule download_recording as download_atlas with:
        output:
            update(f"{RESOURCES}/raw/atlas.mat"),
        log:
            f"{LOGS}/download_atlas.log",
        benchmark:
            f"{BENCHMARKS}/download_atlas.tsv"
        priority: 3
        message:
            "Fetching the atlas"


rule check_atlas:
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
    params:
        code=code_of("check_atlas"),
        sha256=lambda wildcards: published_sha256(source_atlas()),
    message:
        "Checking the atlas {input}"
    script:
        "../scripts/check_atlas.py"


# Reads a recording once: is it usable, which of its epochs are, what do its parcels and frames show?
rule check_recording:
    input:
        recording=raw_recording,
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        check=f"{RESOURCES}/checks/{{mouse}}/{{recording}}.tsv",
        epochs=f"{RESOURCES}/epochs/{{mouse}}/{{recording}}.tsv",
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
        leave_out_bad=LEAVE_OUT_BAD,
    params:
        code=code_of("check_recording"),
        sha256=lambda wildcards: published_sha256(raw_recording(wildcards)),
        exclude=lambda wildcards: excluded_epochs(DATASET["exclude"], wildcards.mouse, wildcards.recording),
    message:
        "Checking recording {wildcards.recording} of {wildcards.mouse}"
    script:
        "../scripts/check_recording.py"


rule list_recordings:
    input:
        checks=checks,
        surveys=surveys,
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
        code=code_of("list_recordings"),
        recordings=lambda wildcards: listed_recordings().to_dict("list"),
        notes=lambda wildcards: listing_notes(),
    message:
        "Listing the recordings"
    script:
        "../scripts/list_recordings.py"
