"""What visibility graphs cost: to make, on disk, and in the training of the MVG-CNN at its published size.

Prints the table that benchmarks/README.md keeps.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from lib.measuring import in_turns, print_table, waiting_share

from wfci_sleep import visibility_graph
from wfci_sleep.files.atomic import write_table
from wfci_sleep.layout import EPOCH_FRAMES, N_PARCELS
from wfci_sleep.preprocessing.graphs import cut_graphs
from wfci_sleep.preprocessing.visibility import packed_graphs
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import PARCELS

N_GRAPHS, N_EPOCHS, THREADS = 36, 97, 2


def by_definition(trace):
    """The plain double loop: every pair of points, and whether all between lie below the line that joins them."""
    values, graph = trace.tolist(), np.zeros((len(trace), len(trace)), dtype=bool)
    for i, first in enumerate(values):
        for j in range(i + 1, len(values)):
            slope = (values[j] - first) / (j - i)
            if all(values[k] < first + slope * (k - i) for k in range(i + 1, j)):
                graph[i, j] = graph[j, i] = True
    return graph


def by_steepest_slope(trace):
    """A quicker double loop, which remembers the steepest slope so far."""
    values, graph = trace.tolist(), np.zeros((len(trace), len(trace)), dtype=bool)
    for i, first in enumerate(values):
        steepest = -np.inf
        for j in range(i + 1, len(values)):
            slope = (values[j] - first) / (j - i)
            if slope > steepest:
                graph[i, j] = graph[j, i] = True
                steepest = slope
    return graph


def speed(traces):
    """Seconds to make the graphs of traces, each way."""
    ways = {function.__name__: function for function in (by_definition, by_steepest_slope, visibility_graph)}
    calls = {name: lambda way=way: [way(trace) for trace in traces.T] for name, way in ways.items()}
    return in_turns({**calls, "together": lambda: packed_graphs(traces)}, 5)


def recording(folder):
    """The table of parcels of a recording of noise, as the workflow writes it."""
    traces = np.random.default_rng(0).normal(0, 0.01, (N_EPOCHS * EPOCH_FRAMES, N_PARCELS))
    table = pd.DataFrame(traces, columns=[f"P{number}" for number in range(1, N_PARCELS + 1)])
    table.insert(0, "epoch", np.arange(len(table)) // EPOCH_FRAMES)
    table.insert(1, "time_s", np.arange(len(table)) / 16.8)
    path = folder / "recording.tsv"
    write_table(table, path, float_format="%.6g")
    return path


def waiting(shard, labels):
    """Share of a training pass of the published network that the step waits for its next batch."""
    import keras
    import tensorflow as tf

    from wfci_sleep.models.registry import build_network, kind_of
    from wfci_sleep.training.batches import training_batches

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    settings = {"kind": "mvg-cnn", "regions": "whole"}
    model = build_network(settings, (EPOCH_FRAMES, EPOCH_FRAMES, N_GRAPHS), 3)
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", jit_compile=False)
    epochs = pd.DataFrame({"mouse": "Ms1", "recording": "a", "epoch": range(N_EPOCHS), "label": labels})
    training = {"seed": 1, "batch_size": 4, "augment_flip": False, "augment_gain": 0, "augment_noise": 0}
    shards, channels = {("Ms1", "a"): shard}, kind_of(settings).channels(settings)
    batches = training_batches(epochs, shards, ["wake", "nrem", "rem"], training, range(3), channels=channels)
    return waiting_share(iter(batches), model.train_on_batch, 60)


def main() -> None:
    times = speed(np.random.default_rng(0).normal(size=(EPOCH_FRAMES, N_GRAPHS)))
    labels = np.arange(N_EPOCHS) % 3
    with tempfile.TemporaryDirectory() as name:
        path, shard = recording(Path(name)), Path(name) / "recording.tfrecord"
        windows = [{"seconds": 10, "compression": "none"}]
        cutting = in_turns(
            {
                "cut": lambda: cut_graphs({"traces": path}, windows, labels, [shard]),
                "read": lambda: read_table(path, PARCELS),
            },
            3,
        )
        bytes_an_epoch = shard.stat().st_size / N_EPOCHS
        share = waiting(shard, labels)
    print_table(
        [
            *(
                (f"{N_GRAPHS} graphs of {EPOCH_FRAMES} points, {how} / {against} (times faster)", f"{ratio:.0f}", aim)
                for how, ours in (("one by one", "visibility_graph"), ("together, as bits", "together"))
                for against, other, aim in (
                    ("plain double loop", "by_definition", "20"),
                    ("double loop with the steepest slope", "by_steepest_slope", ""),
                )
                for ratio in [times[other] / times[ours]]
            ),
            (
                f"bytes of an epoch in a shard, {N_PARCELS} parcels / uint8 adjacency",
                f"{bytes_an_epoch / (N_PARCELS * EPOCH_FRAMES**2):.3f} ({bytes_an_epoch:,.0f})",
                "at most 0.167",
            ),
            (
                f"cutting the graphs of {N_EPOCHS} epochs / reading their table alone",
                f"{cutting['cut'] / cutting['read']:.1f} ({cutting['cut']:.2f} s)",
                "",
            ),
            ("waiting for data, share of a training pass of the published MVG-CNN", f"{share:.1%}", "at most 5 %"),
        ],
        "aim",
    )


if __name__ == "__main__":
    main()
