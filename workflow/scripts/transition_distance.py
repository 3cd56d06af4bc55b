"""Count how epochs were scored by their distance to the next change of state."""

from wfci_sleep.step import step

with step(snakemake):
    import numpy as np

    from wfci_sleep.files import read_table, write_table
    from wfci_sleep.metrics import read_test_predictions
    from wfci_sleep.states import GAP, class_of_label
    from wfci_sleep.transition_distance import transition_distance_table

    params = snakemake.params
    class_of = np.append(class_of_label(params.classes), GAP)  # a gap's label, -1, is the last
    keys = map(tuple, params.recordings)
    states = {
        key: class_of[read_table(path, ["label"])["label"]]
        for key, path in zip(keys, snakemake.input.indices, strict=True)
    }
    predictions = read_test_predictions(snakemake.input.predictions)
    write_table(transition_distance_table(predictions, states, params.classes), snakemake.output[0])
