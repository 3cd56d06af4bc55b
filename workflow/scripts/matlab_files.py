"""Write the results of an experiment as the MATLAB files that the published scripts read."""

from wfci_sleep.step import step

with step(snakemake):
    import shutil
    import tempfile
    from pathlib import Path

    from wfci_sleep.examples import read_example
    from wfci_sleep.explanations import read_attention, read_gradcam
    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.matlab_export import KEY, in_time_order, matching_weights, matlab_variables, write_mat
    from wfci_sleep.metrics import read_test_predictions

    recordings = read_table(snakemake.input.recordings)
    predictions = in_time_order(read_test_predictions(snakemake.input.predictions), recordings)
    epochs, weights, window_s = read_attention(snakemake.input.attention)
    weights = matching_weights(predictions, epochs, weights)
    maps = read_gradcam(snakemake.input.gradcam, "gradcam")
    examples = [read_example(path) for path in snakemake.input.examples]
    files = matlab_variables(predictions, snakemake.params.classes, weights, window_s, maps, examples)

    text = ". ".join(part for part in ("written by wfci-sleep", snakemake.params.note) if part)
    folder = Path(snakemake.output.epochs).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mice-", dir=folder) as scratch:
        Path(scratch, "mice").mkdir()
        for name, variables in files.items():
            inside = name.startswith("mice/")
            write_mat(Path(scratch if inside else folder, name), variables, text)
        shutil.move(Path(scratch, "mice"), snakemake.output.mice)
    table = predictions[[*KEY, "start_s", "fold"]]
    table.insert(0, "row", range(1, len(table) + 1))
    write_table(table, snakemake.output.epochs)
