"""What a training step and a scoring pass of the network cost, against the published way and against the machine.

Prints the table that benchmarks/README.md keeps. Each part is a process of its own: `network.py PART` runs one.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from lib.measuring import has_bfloat16, in_turns, peak_memory_gb, print_table, rounds_of, seconds, waiting_share

THREADS = 2
SMALL = (168, 32, 32)
PUBLISHED = (168, 128, 128)
TERAFLOPS = 1.02
"""Of a window at the published size, forward and backward."""


def windows(shape, n):
    """Windows of noise with their classes."""
    return np.random.default_rng(0).normal(size=(n, *shape)).astype(np.float32), np.arange(n) % 3


def network(shape, filters, **ways):
    """Our network with the published settings, compiled as the workflow does; `ways` are those of `build_network`."""
    import keras

    from wfci_sleep.models.cnn_bilstm import build_network

    settings = {
        "filters": [filters] * 5,
        "kernel": 3,
        "pooling": 2,
        "spatial_attention": "none",
        "spatial_attention_blocks": "all",
        "temporal_attention": "additive",
        "lstm_units": 64,
        "dropout": 0.2,
    }
    model = build_network(settings, shape, 3, **ways)
    loss, metrics = "sparse_categorical_crossentropy", ["accuracy"]
    model.compile(keras.optimizers.Adam(1e-4), loss, metrics=metrics, jit_compile=False)
    return model


def built(kind, shape, filters):
    """A network by the name of its kind, and windows in the form that it takes."""
    from lib import time_distributed

    if kind == "ours":
        return network(shape, filters), lambda frames: frames
    if kind == "sliced":
        return network(shape, filters, frames_at_once=8), lambda frames: frames
    keras = __import__("tf_keras" if kind == "legacy" else "keras")
    return time_distributed.build(keras, shape, filters), lambda frames: frames[..., None]


def prepare():
    """Seed, and two threads; keras comes with TensorFlow here."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.keras.utils.set_random_seed(1)


# --- parts, each printing what it measured as JSON ---


def start_up(kind):
    """Seconds from nothing but imports to the end of the first step."""
    prepare()
    import tf_keras  # noqa: F401

    frames, classes = windows(SMALL, 4)

    def first_step():
        model, form = built(kind, SMALL, 16)
        model.train_on_batch(form(frames), classes)

    return seconds(first_step)


def steps(*kinds):
    """Median seconds of a training step of small networks in turns."""
    prepare()
    rounds = 5 if "time-distributed" in kinds else 15
    frames, classes = windows(SMALL, 4)
    models = {kind: built(kind, SMALL, 16) for kind in kinds}
    calls = {
        kind: lambda model=model, form=form: [model.train_on_batch(form(frames), classes) for _ in range(3)]
        for kind, (model, form) in models.items()
    }
    return {kind: time / 3 for kind, time in in_turns(calls, rounds).items()}


def rates():
    """Teraflops a second of a training step at the published size and of a matrix product, and the median share.

    Each step's share is taken of the product beside it, as the machine's speed changes from minute to minute.
    """
    prepare()
    import tensorflow as tf

    frames, classes = windows(PUBLISHED, 1)
    model = network(PUBLISHED, 64)
    n = 6144
    matrix = tf.random.normal((n, n))
    product = tf.function(lambda a, b: tf.reduce_sum(a @ b))
    rounds = rounds_of(
        {
            "step": lambda: model.train_on_batch(frames, classes),
            "product": lambda: [product(matrix, matrix).numpy() for _ in range(2)],
        },
        11,
    )
    steps = np.array([TERAFLOPS / times["step"] for times in rounds])
    products = np.array([2 * 2 * n**3 / 1e12 / times["product"] for times in rounds])
    return {
        name: float(np.median(of)) for name, of in (("step", steps), ("product", products), ("share", steps / products))
    }


def lower_precision():
    """Seconds of a step at the published size in float32 and in bfloat16."""
    prepare()
    frames, classes = windows(PUBLISHED, 1)
    models = {name: network(PUBLISHED, 64, precision=name) for name in ("float32", "mixed_bfloat16")}
    return in_turns(
        {name: lambda model=model: model.train_on_batch(frames, classes) for name, model in models.items()}, 5
    )


def memory(kind):
    """Largest memory of a process that trains at the published size, in GB."""
    prepare()
    model, form = built(kind, PUBLISHED, 64)
    frames, classes = windows(PUBLISHED, 1)
    for _ in range(3):
        model.train_on_batch(form(frames), classes)
    return peak_memory_gb()


def slices():
    """A step with the encoder's slices against one without: time, and the largest difference of a gradient."""
    prepare()
    import tensorflow as tf

    frames, classes = windows(PUBLISHED, 1)
    models = {"whole": network(PUBLISHED, 64), "sliced": network(PUBLISHED, 64, frames_at_once=8)}
    models["sliced"].set_weights(models["whole"].get_weights())

    def gradients(model):
        @tf.function
        def differentiate():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.math.log(model(frames)[:, 1]))
            return tape.gradient(loss, [weight.value for weight in model.trainable_weights])

        return [gradient.numpy() for gradient in differentiate()]

    differences = [
        np.abs(ours - theirs).max() / np.abs(theirs).max()
        for ours, theirs in zip(gradients(models["sliced"]), gradients(models["whole"]), strict=True)
    ]
    times = in_turns(
        {name: lambda model=model: model.train_on_batch(frames, classes) for name, model in models.items()}, 5
    )
    return {**times, "difference": float(max(differences))}


def recording(folder, shape, n):
    """A shard of `n` windows of noise, and the table of its epochs, all to be tested but the first."""
    import pandas as pd

    from wfci_sleep.files.shard_writing import write_shard

    frames, classes = windows(shape, n)
    mask = np.ones(shape[1:], dtype=bool)
    path = Path(folder) / "recording.tfrecord"
    write_shard(path, ((epoch, label, frames[epoch][:, mask]) for epoch, label in enumerate(classes)), mask)
    epochs = pd.DataFrame({"mouse": "Ms1", "recording": "a", "epoch": range(n), "label": classes, "split": "test"})
    epochs.loc[0, "split"] = "validation"
    return {("Ms1", "a"): path}, epochs


def scoring():
    """Seconds for a recording at the published size: prediction alone, ours, three passes as published."""
    prepare()
    import keras
    import tensorflow as tf

    from wfci_sleep.models.cnn_bilstm import FRAME_ENCODER, TEMPORAL_ATTENTION
    from wfci_sleep.scoring.predict import score_fold
    from wfci_sleep.training.shards import read_shard

    model = network(PUBLISHED, 64)
    classes = ["wake", "nrem", "rem"]
    with tempfile.TemporaryDirectory() as folder:
        shards, epochs = recording(folder, PUBLISHED, 12)
        (path,) = shards.values()
        attending = keras.Model(model.input, model.get_layer(TEMPORAL_ATTENTION).output[1])
        explaining = keras.Model(model.input, [model.get_layer(FRAME_ENCODER).output, model.output])

        @tf.function
        def class_gradient(frames):
            with tf.GradientTape() as tape:
                maps, probabilities = explaining(frames, training=False)
                score = tf.reduce_max(probabilities)
            return maps, tape.gradient(score, maps)

        def grad_cam():
            for frames, _ in read_shard(path).batch(1):
                maps, gradient = class_gradient(frames)
                np.maximum((maps.numpy() * gradient.numpy().mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)

        def predict():
            # As a job that starts would: ours builds its function each time too.
            model.make_predict_function(force=True)
            model.predict(read_shard(path).batch(1), verbose=0)

        def three_passes():
            predict()
            attending.predict(read_shard(path).batch(1), verbose=0)
            grad_cam()

        return in_turns(
            {
                "prediction": predict,
                "ours": lambda: score_fold(model, epochs, shards, classes, 1),
                "published": three_passes,
            },
            2,
        )


def waiting():
    """Share of a training pass that the step waits for its next batch, small network, shards on disk."""
    prepare()

    from wfci_sleep.training.batches import training_batches

    classes = ["wake", "nrem", "rem"]
    options = {"seed": 1, "batch_size": 4, "augment_flip": True, "augment_gain": 0.1, "augment_noise": 0.1}
    plain = {**options, "augment_flip": False, "augment_gain": 0, "augment_noise": 0}
    model = network(SMALL, 16)
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        shards, epochs = recording(folder, SMALL, 160)
        for name, settings in (("plain", plain), ("augmented", options)):
            batches = iter(training_batches(epochs, shards, classes, settings, range(2)))
            shares[name] = waiting_share(batches, model.train_on_batch, 77)
    return shares


# --- the table ---


def measured(part, *arguments):
    """What a part measures, in a process of its own."""
    command = [sys.executable, __file__, part, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    print(f"({part} {' '.join(arguments)}: {done.stdout.strip().splitlines()[-1]})", file=sys.stderr, flush=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    rows = []
    starts = {kind: measured("start_up", kind) for kind in ("ours", "time-distributed")}
    times = measured("steps", "ours", "time-distributed")
    unrolled, start = times["time-distributed"] / times["ours"], starts["time-distributed"] / starts["ours"]
    rows.append(("training step against `TimeDistributed` on Keras 3, 32 x 32 (times faster)", f"{unrolled:.1f}", "20"))
    rows.append(("its start-up (times faster)", f"{start:.1f}", "15"))
    times = measured("steps", "ours", "legacy")
    rows.append(("training step / published way (tf_keras)", f"{times['ours'] / times['legacy']:.2f}", "at most 1.0"))
    rate = measured("rates")
    share = f"{rate['share']:.2f} ({rate['step']:.3f} of {rate['product']:.3f} TFLOP/s)"
    rows.append(("published size, share of the matrix-product rate", share, "0.75"))
    if has_bfloat16():
        times = measured("lower_precision")
        faster = f"{times['float32'] / times['mixed_bfloat16']:.2f}"
    else:
        faster = "not measured: this processor has no bfloat16"
    rows.append(("mixed bfloat16 (times faster than float32)", faster, "1.9"))
    peaks = {kind: measured("memory", kind) for kind in ("legacy", "ours", "sliced")}
    smaller = f"{peaks['sliced'] / peaks['legacy']:.2f} ({peaks['sliced']:.2f} of {peaks['legacy']:.2f} GB)"
    rows.append(("peak memory with `frames_at_once: 8` / published way", smaller, "at most 0.33"))
    cost = measured("slices")
    rows.append(("its time / without", f"{cost['sliced'] / cost['whole']:.2f}", "at most 1.5"))
    rows.append(("its gradients, largest relative difference", f"{cost['difference']:.0e}", "at most 1e-4"))
    times = measured("scoring")
    rows.append(
        (
            "scores, attention, Grad-CAM, Grad-CAM++ / prediction",
            f"{times['ours'] / times['prediction']:.2f}",
            "at most 1.25",
        )
    )
    rows.append(("three passes as published / ours", f"{times['published'] / times['ours']:.2f}", "2.5"))
    shares = measured("waiting")
    rows.append(("waiting for data, share of a pass", f"{shares['plain']:.1%}", "at most 5 %"))
    rows.append(("the same with augmentation", f"{shares['augmented']:.1%}", "at most 5 %"))
    print_table(rows, "aim")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        part, *arguments = sys.argv[1:]
        print(json.dumps(globals()[part](*arguments)))
    else:
        main()
