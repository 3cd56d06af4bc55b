# Windows: what networks see of the epochs, cut from the recordings or from the traces of their parcels.

from wfci_sleep.preprocessing.inputs import input_of

# What windows may be cut from, by the names that `preprocessing.inputs` gives it.
CUT_FROM = {
    "recording": raw_recording,
    "atlas": f"{RESOURCES}/atlas.mat",
    "traces": f"{RESOURCES}/parcels/{{mouse}}/{{recording}}.tsv",
}


def cut_from(windows):
    """What the windows of a recording are cut from, as a function of the wildcards."""

    def sources(wildcards):
        named = {name: CUT_FROM[name] for name in input_of(windows(wildcards)[0]).sources}
        return {name: path(wildcards) if callable(path) else path.format(**wildcards) for name, path in named.items()}

    return sources


def windowing_alone(wildcards):
    """The settings of a windowing, as a list."""
    return [WINDOWINGS[wildcards.windowing]]


def windowings_of_family(wildcards):
    """The settings of windowings that are cut together."""
    return list(TOGETHER[wildcards.family].values())


rule cut_windows:
    input:
        unpack(cut_from(windowing_alone)),
        epochs=f"{RESOURCES}/epochs/{{mouse}}/{{recording}}.tsv",
    output:
        shards=[f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tfrecord"],
        indices=[f"{RESOURCES}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv"],
    log:
        f"{LOGS}/windows/{{windowing}}/{{mouse}}/{{recording}}.log",
    benchmark:
        f"{BENCHMARKS}/windows/{{windowing}}/{{mouse}}/{{recording}}.tsv"
    wildcard_constraints:
        windowing=one_of(ALONE),
    priority: 2
    conda:
        "../../envs/base.yaml"
    threads: threads_of_a_recording
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        code=code_of("cut_windows"),
        windows=windowing_alone,
    message:
        "Cutting {wildcards.recording} of {wildcards.mouse} into windows ({wildcards.windowing})"
    script:
        "../scripts/cut_windows.py"


if TOGETHER:

    use rule cut_windows as cut_windows_together with:
        input:
            unpack(cut_from(windowings_of_family)),
            epochs=f"{RESOURCES}/epochs/{{mouse}}/{{recording}}.tsv",
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
            family=one_of(TOGETHER),
        params:
            windows=windowings_of_family,
        message:
            "Cutting {wildcards.recording} of {wildcards.mouse} into windows of several lengths ({wildcards.family})"
