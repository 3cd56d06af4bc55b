"""What cutting a recording into windows costs, against the published way and against reading the file once.

Prints the table that benchmarks/README.md keeps. Every figure is the median of whole processes, imports counted, that
take turns; ours runs the step script that the workflow runs. `preprocess.py WAY ...` is one of these processes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from lib.measuring import peak_memory_gb, print_table, rounds_of

SWEEP = [*range(1, 11), 15, 20]
SCRIPT = Path(__file__).parents[1] / "workflow" / "scripts" / "cut_windows.py"
FORMATS = {
    "gzip, double": ("f8", "f4", "gzip", 97, 5),
    "gzip, double, every digit noise": ("f8", "f8", "gzip", 24, 3),
    "gzip, single": ("f4", "f4", "gzip", 24, 3),
    "uncompressed, double": ("f8", "f4", None, 24, 3),
    "uncompressed, single": ("f4", "f4", None, 24, 3),
}
"""Stored type, precision of the values, compression, epochs, rounds; the aims are about the first two."""


def write_recording(path, dtype, precision, compression, n_epochs):
    """A recording of noise in the mask and zeros outside, a chunk an epoch, and the table of its epochs."""
    import h5py

    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.preprocessing.windows import window_index
    from wfci_sleep.states import labels_of_scores

    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:128, :128]
    mask = (rows - 63.5) ** 2 + (columns - 63.5) ** 2 < 11214 / np.pi  # as many pixels as the standard brain mask
    with h5py.File(path, "w", userblock_size=512) as file:
        shape = (n_epochs, 168, 128, 128)
        data = file.create_dataset("data", shape, dtype, chunks=(1, *shape[1:]), compression=compression)
        for epoch in range(n_epochs):
            data[epoch] = (rng.normal(0, 0.02, size=shape[1:]) * mask.T).astype(precision)
        scores = rng.choice([0.0, 1.0, 3.0], size=n_epochs)
        file["scoringindex_file"] = scores[:, None]
        file["xform_mask"] = mask.T.astype(np.float64)
    scores = scores.astype(np.int64)
    write_table(window_index(scores, labels_of_scores(scores)), path.with_suffix(".tsv"))


def write_atlas(path):
    """An atlas of stripes: the step wants one, though the recording's own mask is used."""
    import scipy.io

    names = np.array([[f"Area{number}" for number in range(1, 41)]], dtype=object)
    seeds = np.repeat(np.arange(128, dtype=np.uint8)[:, None] // 3 % 40 + 1, 128, axis=1)
    scipy.io.savemat(path, {"AtlasSeeds": seeds, "parcelnames": names})


class Files(list):
    """What a step script sees of its rule's files: a list of them, with names."""

    def __init__(self, **named: str | list[str]):
        super().__init__(path for files in named.values() for path in np.atleast_1d(files).tolist())
        self.__dict__.update(named)


# --- the ways, each a process ---


def published(recording, folder):
    """As published: the whole array z-scored with NaNs in mind, every number a float of a list, a file an epoch."""
    import h5py
    import tensorflow as tf
    from scipy.stats import zscore

    with h5py.File(recording) as file:
        mask = file["xform_mask"][()].T
        scores = file["scoringindex_file"][()].reshape(-1)
        for epoch in range(len(scores)):
            frames = np.swapaxes(file["data"][epoch], 1, 2) * mask
            frames = np.nan_to_num(zscore(frames, axis=0, nan_policy="omit"))
            values = tf.train.Feature(
                float_list=tf.train.FloatList(value=frames.astype(np.float32).reshape(-1).tolist())
            )
            label = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(scores[epoch])]))
            example = tf.train.Example(features=tf.train.Features(feature={"frames": values, "label": label}))
            with tf.io.TFRecordWriter(f"{folder}/{epoch}.tfrecord") as writer:
                writer.write(example.SerializeToString())


def floor(recording, folder):
    """HDF5 reads the data once, in one thread."""
    import h5py

    with h5py.File(recording) as file:
        for epoch in range(len(file["data"])):
            file["data"][epoch]


def ours(recording, folder, threads, seconds, storage="float16", compression="none"):
    """The workflow's step, all lengths of windows in one process."""
    import runpy

    settings = {
        "normalisation": "temporal-zscore",
        "hemisphere": "both",
        "mask": "recording",
        "spatial_binning": 1,
        "storage": storage,
        "compression": compression,
    }
    lengths = [int(each) for each in seconds.split(",")]
    snakemake = SimpleNamespace(
        rule="cut_windows",
        input=Files(
            recording=recording,
            epochs=str(Path(recording).with_suffix(".tsv")),
            atlas=f"{Path(recording).parent}/atlas.mat",
        ),
        output=Files(
            shards=[f"{folder}/{each}.tfrecord" for each in lengths],
            indices=[f"{folder}/{each}.tsv" for each in lengths],
        ),
        params=SimpleNamespace(windows=[{**settings, "seconds": each} for each in lengths]),
        threads=int(threads),
        log=[f"{folder}/log.txt"],
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})


def process(way, recording, *arguments):
    """Run one way in a process of its own and a new folder; its peak memory in GB and the bytes that it wrote."""
    with tempfile.TemporaryDirectory(dir=Path(recording).parent) as folder:
        command = [sys.executable, __file__, way, str(recording), folder, *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        size = sum(path.stat().st_size for path in Path(folder).glob("*.tfrecord"))
        return float(Path(folder, "peak_gb").read_text()), size


def medians(ways, rounds):
    """Median seconds of each of several lists of processes, in turns."""
    calls = {name: lambda each=each: [process(*call) for call in each] for name, each in ways.items()}
    times = rounds_of(calls, rounds, first=0)  # each is a process of its own: there is nothing to warm up
    found = {name: float(np.median([one[name] for one in times])) for name in ways}
    print(found, file=sys.stderr, flush=True)
    return found


# --- the table ---


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        write_atlas(f"{folder}/atlas.mat")
        path = Path(folder, "recording.mat")
        for number, (name, (*form, n_epochs, rounds)) in enumerate(FORMATS.items()):
            write_recording(path, *form, n_epochs)
            rows += speeds(path, name, n_epochs, rounds)
            if number == 0:
                rows += sizes(path)
        write_recording(path, "f8", "f4", "gzip", 24)
        sweep = ("ours", path, 2, ",".join(map(str, SWEEP)))
        times = medians({"together": [sweep], "single": [("ours", path, 2, each) for each in SWEEP]}, 5)
        ratio = times["together"] / times["single"]
        rows.append(("twelve lengths in one read / twelve runs", f"{ratio:.2f}", "at most 0.4"))
        peaks = []
        for n_epochs in (20, 400):
            write_recording(path, "f8", "f4", None, n_epochs)
            peaks.append(f"{1000 * process('ours', path, 2, 10)[0]:.0f}")
        rows.append(("peak memory, 20 and 400 epochs (MB)", ", ".join(peaks), "at most 300, within 10 %"))
    print_table(rows, "aim")


def speeds(path, name, n_epochs, rounds):
    """Rows on how fast a file is cut."""
    ways = {
        "published": [("published", path)],
        "floor": [("floor", path)],
        "one": [("ours", path, 1, 10)],
        "two": [("ours", path, 2, 10)],
    }
    times = medians(ways, rounds)
    ratio = f"{times['two'] / times['floor']:.2f} ({times['two'] / n_epochs:.3f} s an epoch)"
    return [
        (f"{name}: one thread (times faster than published)", f"{times['published'] / times['one']:.1f}", "9"),
        (f"{name}: two threads (times faster)", f"{times['published'] / times['two']:.1f}", "16"),
        (f"{name}: two threads / h5py reading once", ratio, "at most 0.55"),
    ]


def sizes(path):
    """Rows on disk and memory, and on what other forms of storage cost."""
    _, theirs = process("published", path)
    peak, size = process("ours", path, 2, 10)
    rows = [
        ("bytes on disk / published", f"{size / theirs:.3f}", "at most 0.36"),
        ("peak memory, 97 epochs, gzip (MB)", f"{1000 * peak:.0f}", "at most 300"),
    ]
    forms = {"float16": (), "float32": ("float32",), "float16, gzip": ("float16", "gzip")}
    times = medians({name: [("ours", path, 2, 10, *form)] for name, form in forms.items()}, 3)
    for name, form in forms.items():
        _, written = process("ours", path, 2, 10, *form)
        cost = f"{times[name] / times['float16']:.2f}, {written / size:.2f}"
        rows.append((f"{name}: time, bytes / those of float16", cost, ""))
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        way, *arguments = sys.argv[1:]
        globals()[way](*arguments)
        Path(arguments[1], "peak_gb").write_text(str(peak_memory_gb()))
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        main()
