"""Write the results of an experiment as the MATLAB files that the published scripts read."""

from wfci_sleep.run.step import step

with step(snakemake):
    import shutil
    import tempfile
    from pathlib import Path

    from wfci_sleep.data.matv5 import write_v5
    from wfci_sleep.export.matlab import KEY, in_time_order, matching_weights, matlab_variables
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.scoring.examples import read_example
    from wfci_sleep.scoring.explanations import read_attention, read_gradcam
    from wfci_sleep.scoring.predictions import read_test_predictions
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import RECORDINGS

    recordings = read_table(snakemake.input.recordings, RECORDINGS)
    tested = read_test_predictions(snakemake.input.predictions, snakemake.params.classes, recordings)
    predictions = in_time_order(tested, recordings)
    epochs, weights, window_s = read_attention(snakemake.input.attention, snakemake.params.classes, recordings)
    weights = matching_weights(predictions, epochs, weights)
    maps = read_gradcam(snakemake.input.gradcam, "gradcam", snakemake.params.classes)
    examples = [read_example(path) for path in snakemake.input.examples]
    files = matlab_variables(predictions, snakemake.params.classes, weights, window_s, maps, examples)

    text = ". ".join(part for part in ("written by wfci-sleep", snakemake.params.note) if part)
    folder = Path(snakemake.output.epochs).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mice-", dir=folder) as scratch:
        Path(scratch, "mice").mkdir()
        for name, variables in files.items():
            inside = name.startswith("mice/")
            write_v5(Path(scratch if inside else folder, name), variables, text)
        shutil.move(Path(scratch, "mice"), snakemake.output.mice)
    table = predictions[[*KEY, "start_s", "fold"]]
    table.insert(0, "row", range(1, len(table) + 1))
    write_table(table, snakemake.output.epochs)
