# Explanations: Grad-CAM averaged over parcels or over links between moments, and single epochs in detail.


rule average_gradcam:
    input:
        gradcam=for_each_fold("gradcam.h5"),
        atlas=f"{RESOURCES}/atlas.mat",
    output:
        f"{RESULTS}/{{experiment}}/gradcam_parcels.tsv",
    log:
        f"{LOGS}/{{experiment}}/gradcam_parcels.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/gradcam_parcels.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("average_gradcam"),
        classes=classes,
        hemisphere=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["hemisphere"],
    message:
        "Averaging Grad-CAM of {wildcards.experiment} over parcels"
    script:
        "../scripts/average_gradcam.py"


rule average_links:
    input:
        gradcam=for_each_fold("gradcam.h5"),
    output:
        f"{RESULTS}/{{experiment}}/gradcam_links.tsv",
    log:
        f"{LOGS}/{{experiment}}/gradcam_links.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/gradcam_links.tsv"
    conda:
        "../../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("average_links"),
        classes=classes,
    message:
        "Averaging Grad-CAM of {wildcards.experiment} over links between moments"
    script:
        "../scripts/average_links.py"


rule explain_example:
    input:
        predictions=for_each_fold("predictions.tsv"),
        models=where_it_has(FRAMES_AND_ATTENTION, "a movie", for_each_fold("model.keras")),
        shards=shards,
        recordings=f"{RESOURCES}/recordings.tsv",
    output:
        f"{RESULTS}/{{experiment}}/examples/{{which}}.h5",
    log:
        f"{LOGS}/{{experiment}}/examples/{{which}}.log",
    benchmark:
        f"{BENCHMARKS}/{{experiment}}/examples/{{which}}.tsv"
    conda:
        "../../envs/tensorflow.yaml"
    threads: of_training("threads")
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=1,
    params:
        code=code_of("explain_example"),
        windows=setting("windows"),
        labels=setting("labels"),
        threads=of_training("threads"),
        recordings=lambda wildcards: recording_keys(),
    message:
        "Explaining an example of {wildcards.which} ({wildcards.experiment})"
    script:
        "../scripts/explain_example.py"
