"""Cutting graphs: each window's graphs are those of its frames, and a wrong table is named."""

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import write_table
from wfci_sleep.preprocessing.graphs import cut_graphs
from wfci_sleep.preprocessing.visibility import packed_graphs


def table_of(path, traces):
    table = pd.DataFrame(traces, columns=[f"P{k}" for k in range(40)])
    table.insert(0, "epoch", np.arange(len(traces)) // 168)
    table.insert(1, "time_s", np.arange(len(traces)) / 16.8)
    write_table(table, path)
    return path


def test_windows_hold_the_graphs_of_their_frames(tmp_path, rng):
    import tensorflow as tf

    traces = rng.integers(-900, 900, (3 * 168, 40)).astype(float)
    traces[:, 7] = np.nan
    lengths = {5: (84, 0), 10: (168, 0), 15: (252, 42)}
    paths = [tmp_path / f"{seconds}.tfrecord" for seconds in lengths]
    windows = [{"seconds": seconds, "compression": "none"} for seconds in lengths]
    said = cut_graphs({"traces": table_of(tmp_path / "a.tsv", traces)}, windows, np.array([0, -1, 2]), paths)
    assert said == "graphs of 39 parcels (P7: no value, no link)"
    for path, (length, lead) in zip(paths, lengths.values(), strict=True):
        for epoch, record in zip((0, 2), tf.data.TFRecordDataset(str(path)).as_numpy_iterator(), strict=True):
            feature = tf.train.Example.FromString(record).features.feature
            places = epoch * 168 - lead + np.arange(length)
            inside = (places >= 0) & (places < len(traces))
            own = np.where(inside[:, None], traces[places.clip(0, len(traces) - 1)], np.nan)
            assert feature["graphs"].bytes_list.value[0] == packed_graphs(own).tobytes()
            assert feature["epoch"].int64_list.value[0] == feature["label"].int64_list.value[0] == epoch


def test_a_table_of_other_epochs_is_named(tmp_path, rng):
    path = table_of(tmp_path / "a.tsv", rng.integers(0, 9, (168, 40)).astype(float))
    with pytest.raises(InputError, match="a.tsv: holds 168 frames of 40 parcels, expected 336 of 40"):
        cut_graphs({"traces": path}, [{"seconds": 10, "compression": "none"}], np.array([0, 1]), [tmp_path / "b"])
