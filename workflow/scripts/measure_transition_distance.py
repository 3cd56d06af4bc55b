"""Count how epochs were scored by their distance to the next transition."""

from wfci_sleep.run.step import step

with step(snakemake):
    import numpy as np
    import pandas as pd

    from wfci_sleep.analysis.transition_distance import transition_distance_table
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.scoring.predictions import read_test_predictions
    from wfci_sleep.states import GAP, Classes
    from wfci_sleep.tables import read_tables
    from wfci_sleep.tables.epochs import WINDOWS

    params = snakemake.params
    class_of = np.append(Classes(params.classes).of_labels, GAP)  # a gap's label, -1, is the last
    indices = read_tables(map(tuple, params.recordings), snakemake.input.indices, WINDOWS)
    states = {key: class_of[index["label"]] for key, index in indices.items()}
    lengths = [(*key, len(index)) for key, index in indices.items()]
    recordings = pd.DataFrame(lengths, columns=["mouse", "recording", "epochs"])
    predictions = read_test_predictions(snakemake.input.predictions, params.classes, recordings)
    write_table(transition_distance_table(predictions, states, params.classes), snakemake.output[0])
