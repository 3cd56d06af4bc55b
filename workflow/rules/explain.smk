# What the networks looked at, in numbers.


rule gradcam_parcels:
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
        hemisphere=lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["hemisphere"],
    message:
        "Averaging Grad-CAM of {wildcards.experiment} over parcels"
    script:
        "../scripts/gradcam_parcels.py"
