# What is a figure drawn from? The files and settings that the catalogue names, and what its rule says.

# What the catalogue calls a figure's inputs -> files.
INPUTS = {
    "quality": f"{RESOURCES}/quality.tsv",
    "recordings": f"{RESOURCES}/recordings.tsv",
    "surveys": surveys,
    "atlas": f"{RESOURCES}/atlas.mat",
    "history": for_each_fold("history.csv"),
    "predictions": for_each_fold("predictions.tsv"),
    "attention": for_each_fold("attention.h5"),
    "gradcam": for_each_fold("gradcam.h5"),
    "networks": network_predictions,
    "scorers": rater_tables,
    "fold_states": f"{RESULTS}/{{experiment}}/folds-states.tsv",
    **{
        name: f"{RESULTS}/{{experiment}}/{name}.tsv"
        for name in (
            *("metrics", "agreement", "transition_distance", "gradcam_parcels", "gradcam_links"),
            *("fragmentation", "bouts", "transitions"),
        )
    },
    "parcel_scores": f"{RESULTS}/{{series}}/parcel_scores.tsv",
    "published": f"{RESULTS}/published.tsv",
    "metrics_of_experiments": expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=SHOWN),
    "metrics_of_lengths": expand(f"{RESULTS}/{{experiment}}/metrics.tsv", experiment=OF_LENGTHS),
}

# What it calls a figure's settings -> their values.
SETTINGS = {
    "classes": classes,
    "classes_of_series": lambda wildcards: EXPERIMENTS[next(iter(SERIES[wildcards.series].values()))]["labels"][
        "classes"
    ],
    "networks": network_raters,
    "scorers": rater_names,
    "analysis": intervals,
    "hemisphere": lambda wildcards: EXPERIMENTS[wildcards.experiment]["windows"]["hemisphere"],
    "palette": PALETTE,
    "mice": lambda wildcards: [mouse for mouse, _ in recording_keys()],
    "experiments": SHOWN,
    "reference": MAIN,
    "sweeps": {
        kind: {"seconds": list(lengths.values()), "question": QUESTIONS[next(iter(lengths))]}
        for kind, lengths in LENGTHS.items()
    },
}

OF_MOUSE = {"mouse": lambda wildcards: wildcards.mouse}


def drawing(figure):
    """The message of a figure's rule."""
    mouse = " of {wildcards.mouse}" if figure.each_mouse else ""
    of = f" ({{wildcards.{figure.of}}})" if figure.of in ("experiment", "series") else ""
    return f"Drawing: {figure.label}{mouse}{of}"


def with_pages(figure):
    """The group of jobs that a cluster's profile puts the pages of tables in, so that no profile has to name figures."""
    pages = named("make_table_page" if figure.of == "experiment" else "make_table_page_of_run")

    def group(wildcards):
        template = workflow.group_settings.overwrite_groups.get(pages)
        if template is None:
            return None
        name = template.format(**wildcards)
        # As Snakemake does for a group that is text: the profile's group-components go by the template.
        workflow.parent_groupids[name] = template
        return name

    return group
