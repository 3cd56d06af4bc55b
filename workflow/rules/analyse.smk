# Numbers: how well the networks score, how fragmented sleep is, how all of it was made.


rule compute_metrics:
    input:
        predictions=for_each_fold("predictions.tsv"),
        folds=f"{RESULTS}/{{experiment}}/folds.tsv",
    output:
        table=f"{RESULTS}/{{experiment}}/metrics.tsv",
        document=f"{RESULTS}/{{experiment}}/metrics.json",
    log:
        f"{LOGS}/{{experiment}}/metrics.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/metrics.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("compute_metrics"),
        classes=classes,
        analysis=intervals,
    message:
        "Measuring the performance of {wildcards.experiment}"
    script:
        "../scripts/compute_metrics.py"


rule measure_fragmentation:
    input:
        networks=network_predictions,
        recordings=f"{RESOURCES}/recordings.tsv",
        scorers=rater_tables,
    output:
        fragmentation=f"{RESULTS}/{{experiment}}/fragmentation.tsv",
        bouts=f"{RESULTS}/{{experiment}}/bouts.tsv",
        transitions=f"{RESULTS}/{{experiment}}/transitions.tsv",
        sleep=f"{RESULTS}/{{experiment}}/sleep.tsv",
        agreement=f"{RESULTS}/{{experiment}}/agreement.tsv",
    log:
        f"{LOGS}/{{experiment}}/fragmentation.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/fragmentation.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("measure_fragmentation"),
        classes=classes,
        networks=network_raters,
        scorers=rater_names,
        analysis=intervals,
    message:
        "Measuring the fragmentation of sleep in {wildcards.experiment}"
    script:
        "../scripts/measure_fragmentation.py"


rule write_matlab_files:
    input:
        predictions=for_each_fold("predictions.tsv"),
        attention=where_it_has(FRAMES_AND_ATTENTION, "the export to MATLAB", for_each_fold("attention.h5")),
        gradcam=for_each_fold("gradcam.h5"),
        recordings=f"{RESOURCES}/recordings.tsv",
        examples=made_examples,
    output:
        *(f"{RESULTS}/{{experiment}}/matlab/{name}" for name in MATLAB_FILES),
        mice=directory(f"{RESULTS}/{{experiment}}/matlab/mice"),
        epochs=f"{RESULTS}/{{experiment}}/matlab/epochs.tsv",
    log:
        f"{LOGS}/{{experiment}}/matlab_files.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/matlab_files.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("write_matlab_files"),
        classes=classes,
        note=NOTE,
    message:
        "Writing the results of {wildcards.experiment} for MATLAB"
    script:
        "../scripts/write_matlab_files.py"


rule measure_transition_distance:
    input:
        predictions=for_each_fold("predictions.tsv"),
        indices=indices,
    output:
        f"{RESULTS}/{{experiment}}/transition_distance.tsv",
    log:
        f"{LOGS}/{{experiment}}/transition_distance.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/transition_distance.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("measure_transition_distance"),
        classes=classes,
        recordings=lambda wildcards: recording_keys(),
    message:
        "Measuring the performance of {wildcards.experiment} near transitions"
    script:
        "../scripts/measure_transition_distance.py"


rule gather_provenance:
    input:
        recordings=f"{RESOURCES}/recordings.tsv",
        atlas=f"{RESOURCES}/atlas.mat",
        weights=every_given_weights,
        # The record says which code made these files, so it is made again when they are.
        made=made_for_main,
    output:
        f"{RESULTS}/provenance.json",
    log:
        f"{LOGS}/provenance.log",
    benchmark:
        f"{BENCHMARKS}/provenance.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("gather_provenance"),
        configuration=CONFIG,
    message:
        "Gathering which code made what, versions, configuration and checksums"
    script:
        "../scripts/gather_provenance.py"
