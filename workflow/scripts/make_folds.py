"""Split the scored epochs of an experiment into folds."""

from wfci_sleep.run.step import step

with step(snakemake) as tell:
    import pandas as pd

    from wfci_sleep.data.listing import SAME_BYTES, refuse_equal
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import CHECK
    from wfci_sleep.training.fold_states import fold_states, fold_warnings
    from wfci_sleep.training.folds import labelled_epochs, make_folds

    recordings = [tuple(key) for key in snakemake.params.recordings]
    checks = pd.concat([read_table(path, CHECK) for path in snakemake.input.checks], ignore_index=True)
    used = checks.index[checks["epochs"] > 0]
    refuse_equal([recordings[place] for place in used], checks.loc[used, "sha256"], SAME_BYTES)
    mice = list(dict.fromkeys(mouse for mouse, _ in recordings))
    labelled = labelled_epochs(snakemake.input.indices, recordings)
    folds = make_folds(labelled, mice, snakemake.params.folds, bool(snakemake.resources.leave_out_bad))
    scored = set(labelled["mouse"])
    for mouse in mice:
        if mouse not in scored:
            tell(f"warning: {snakemake.wildcards.experiment}: no epoch of mouse {mouse} is used; it is not tested")
    print(folds.groupby(["fold", "split"])["mouse"].agg(["unique", "size"]).to_string())
    states = fold_states(folds, labelled, snakemake.params.classes)
    for warning in fold_warnings(states):
        tell(f"warning: {snakemake.wildcards.experiment}, {warning}")
    write_table(states, snakemake.output.states)
    write_table(folds, snakemake.output.folds)
