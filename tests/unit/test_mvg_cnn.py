"""The MVG-CNN: its size, every layer by its formula, given weights, training with and without training epochs."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from focal_loss import SparseCategoricalFocalLoss
from made_up import write_checkpoint
from scipy.signal import correlate
from sklearn.metrics import cohen_kappa_score
from test_graphs import table_of
from test_model import SMALL, sigmoid, softmax, spread
from test_training import CLASSES, SETTINGS, trained

from wfci_sleep import build_network
from wfci_sleep.errors import InputError
from wfci_sleep.models import mvg_size
from wfci_sleep.models.cards import card_of, write_card
from wfci_sleep.models.registry import KINDS, input_shape
from wfci_sleep.models.saving import load_network
from wfci_sleep.models.weights import load_weights, weight_files
from wfci_sleep.preprocessing.graphs import cut_graphs
from wfci_sleep.scoring.grad_cam import grad_cam
from wfci_sleep.scoring.predict import score_fold
from wfci_sleep.training.shards import read_windows

CHECKPOINT = Path(__file__).resolve().parents[3] / "shared" / "data" / "mvg_cnn_checkpoint"
SETTINGS_OF_MODEL = {"kind": "mvg-cnn", "graph_filters": [4, 6, 5], "regions": [2, 7, 30]}


def is_one_line_about(error, path):
    """Whether an error is a line that begins with the file; the user made it, so it is not to be deleted."""
    return str(error).startswith(f"{path}: ") and len(str(error).splitlines()) == 1 and "delete" not in str(error)


def graphs_of(rng, *shape):
    return (rng.random(shape) < 0.1).astype(np.float32)


# --- the network ---


@pytest.mark.parametrize(("regions", "n_parcels"), [("whole", 36), ("left", 18), ("right", 18), ([5], 1)])
@pytest.mark.parametrize(("classes", "n_outputs"), [(CLASSES, 3), (["wake", "sleep"], 1), (3, 3), (2, 1)])
def test_it_has_the_published_parameters(regions, n_parcels, classes, n_outputs):
    settings = {"kind": "mvg-cnn", "regions": regions}
    model = build_network(settings, input_shape(settings, (16, 16, 40)), classes)
    shapes = [(3, 3, n_parcels, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 128), (128,), (128, n_outputs)]
    assert [weight.shape for weight in model.weights] == [*shapes, (n_outputs,)]
    n_classes = classes if isinstance(classes, int) else len(classes)
    parts = KINDS["mvg-cnn"].parameters(settings, n_classes)
    assert sum(parts.values()) == model.count_params() == 9 * n_parcels * 32 + 92_384 + 129 * n_outputs
    assert model.get_layer(mvg_size.FEATURE_MAP).output.shape == (None, 4, 4, 128)


def test_the_regions_are_the_published_parcels():
    whole = mvg_size.parcels_of({})
    assert whole == sorted(set(range(1, 41)) - {1, 20, 21, 40})
    assert mvg_size.parcels_of({"regions": "left"}) + mvg_size.parcels_of({"regions": "right"}) == whole


def in_numpy(weights, graphs):
    """The network's probabilities and feature map, one window after the other and without Keras."""
    *convolutions, kernel, bias = (weight.astype(np.float64) for weight in weights)
    n_convolutions, maps = len(convolutions) // 2, graphs.astype(np.float64)
    for number, (filters, offset) in enumerate(zip(convolutions[::2], convolutions[1::2], strict=True), start=1):
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
        maps = np.stack(
            [
                np.concatenate([correlate(window, filters[..., one], "valid") for one in range(len(offset))], axis=-1)
                for window in padded
            ]
        )
        maps += offset
        maps = np.maximum(maps, 0.3 * maps)
        if number < n_convolutions:
            batch, rows, columns, channels = maps.shape
            even = maps[:, : rows // 2 * 2, : columns // 2 * 2]
            maps = even.reshape(batch, rows // 2, 2, columns // 2, 2, channels).max(axis=(2, 4))
    scores = maps.mean(axis=(1, 2)) @ kernel + bias
    return softmax(scores) if scores.shape[1] > 1 else sigmoid(scores), maps


@pytest.mark.parametrize("classes", [CLASSES, ["wake", "sleep"]], ids=len)
@pytest.mark.parametrize(("length", "filters"), [(12, [4, 6, 5]), (11, [3, 2]), (5, [4])])
def test_it_equals_its_formulas_and_survives_a_round_trip(tmp_path, rng, length, filters, classes):
    model = build_network({"kind": "mvg-cnn", "graph_filters": filters}, (length, length, 3), classes)
    spread(model, rng)
    graphs = graphs_of(rng, 2, length, length, 3)
    expected, expected_maps = in_numpy(model.get_weights(), graphs)
    found = np.asarray(model(graphs))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    maps = keras.Model(model.input, model.get_layer(mvg_size.FEATURE_MAP).output)(graphs)
    np.testing.assert_allclose(np.asarray(maps), expected_maps, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(load_network(tmp_path / "model.keras")(graphs)), found)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_that_of_the_convolutions_alone(rng, precision):
    exact = build_network(SETTINGS_OF_MODEL, (12, 12, 3), 3)
    mixed = build_network(SETTINGS_OF_MODEL, (12, 12, 3), 3, precision)
    mixed.set_weights(exact.get_weights())
    graphs = graphs_of(rng, 2, 12, 12, 3)
    assert mixed.get_layer("convolution1").compute_dtype == precision.removeprefix("mixed_")
    assert mixed.output.dtype == mixed.get_layer(mvg_size.FEATURE_MAP).output.dtype == "float32"
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    np.testing.assert_allclose(np.asarray(mixed(graphs)), np.asarray(exact(graphs)), atol=0.02)


@pytest.mark.parametrize("regions", [[], [0], [41], [3, 3], "middle"])
def test_what_cannot_be_built_is_refused(regions):
    with pytest.raises(InputError, match="model.regions is .*, expected whole, left, right, or different parcels"):
        mvg_size.check_model({"regions": regions}, (168, 168, 40))


def test_graphs_too_small_for_the_pooling_and_slices_of_frames_are_refused():
    mvg_size.check_model({}, (4, 4, 40))
    with pytest.raises(InputError, match="model.graph_filters has 3 .* at least 4 frames, found 3; use fewer"):
        mvg_size.check_model({}, (3, 3, 40))
    with pytest.raises(InputError, match=r"training.frames_at_once is 4, but the MVG-CNN .*; set it to null"):
        build_network({"kind": "mvg-cnn"}, (8, 8, 2), 3, frames_at_once=4)


# --- given weights ---


@pytest.fixture
def checkpoint(tmp_path, rng):
    """A checkpoint with the names of the authors', in a folder, and its arrays."""
    model = build_network(SETTINGS_OF_MODEL, (8, 8, 3), 3)
    spread(model, rng)
    folder, arrays = tmp_path / "given", model.get_weights()
    write_checkpoint(folder, arrays)
    return folder, arrays


def placed(path, settings=SETTINGS_OF_MODEL, n_parcels=3, classes=3):
    model = build_network(settings, (8, 8, n_parcels), classes)
    load_weights(model, path)
    return model.get_weights()


def test_a_checkpoint_is_placed_layer_by_layer_by_folder_or_prefix(checkpoint):
    folder, arrays = checkpoint
    for path in (folder, folder / "ckpt-1"):
        for found, expected in zip(placed(path), arrays, strict=True):
            np.testing.assert_array_equal(found, expected)
    parts = [str(folder / f"ckpt-1.{end}") for end in ("index", "data-00000-of-00001")]
    assert weight_files(folder / "ckpt-1") == parts
    assert weight_files(folder) == [str(folder / "checkpoint"), *parts]


def test_a_networks_file_gives_its_weights(tmp_path, rng):
    model = build_network(SETTINGS_OF_MODEL, (8, 8, 3), 3)
    spread(model, rng)
    path = tmp_path / "model.keras"
    model.save(path)
    assert weight_files(path) == [str(path)]
    for found, expected in zip(placed(path), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_of_other_networks_are_refused(tmp_path, checkpoint):
    folder, _ = checkpoint
    build_network(SETTINGS_OF_MODEL, (8, 8, 3), 3).save(tmp_path / "model.keras")
    build_network(SMALL, (8, 8, 8), 3).save(tmp_path / "frames.keras")
    fewer = {"kind": "mvg-cnn", "graph_filters": [4]}
    for path in (folder, tmp_path / "model.keras"):
        with pytest.raises(InputError, match=r"array 1 of the weights is 3 x 3 x 3 x 4, expected 3 x 3 x 5 x 4; set"):
            placed(path, n_parcels=5)
        with pytest.raises(InputError, match=r"array 7 of the weights is 5 x 3, expected 5 x 1; set"):
            placed(path, classes=2)
        with pytest.raises(InputError, match="holds 8 arrays of weights, expected 4; set") as refused:
            placed(path, fewer)
        assert is_one_line_about(refused.value, path)
    with pytest.raises(InputError, match="holds a network of the kind cnn-bilstm, expected mvg-cnn; set"):
        placed(tmp_path / "frames.keras")


def test_missing_weights_are_named(tmp_path, checkpoint):
    folder, _ = checkpoint
    for name in ("no.keras", "given/ckpt-1.index", "given/ckpt-2"):
        with pytest.raises(InputError, match="no such weights, expected a network") as refused:
            weight_files(tmp_path / name)
        assert is_one_line_about(refused.value, tmp_path / name)
    (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/ckpt-7"\n')
    with pytest.raises(InputError, match=r"names /elsewhere/ckpt-7, expected ckpt-7.index and ckpt-7.data"):
        weight_files(folder)
    (folder / "checkpoint").write_bytes(b"\xff\0")
    with pytest.raises(InputError, match="names no checkpoint"):
        weight_files(folder)
    (folder / "checkpoint").unlink()
    with pytest.raises(InputError, match="checkpoint: cannot be read"):
        weight_files(folder)


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["cut off", "emptied", "flipped"])
def test_a_damaged_checkpoint_is_named(checkpoint, part, damage):
    folder, _ = checkpoint
    file = folder / f"ckpt-1.{part}"
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    file.write_bytes({"cut off": content[:middle], "emptied": b"", "flipped": flipped}[damage])
    with pytest.raises(InputError) as refused:
        placed(folder)
    assert is_one_line_about(refused.value, folder)


def test_a_checkpoint_without_layers_and_a_damaged_network_are_named(tmp_path):
    import tensorflow as tf

    prefix = tf.train.Checkpoint(other=tf.Variable(1.0)).write(str(tmp_path / "other"))
    with pytest.raises(InputError, match="holds no layers, expected layer_with_weights-0/kernel"):
        placed(prefix)
    (tmp_path / "model.keras").write_bytes(b"no network")
    with pytest.raises(InputError, match=r"not a network as it was saved .*; take an undamaged copy"):
        placed(tmp_path / "model.keras")


@pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the authors' checkpoint is not here")
@pytest.mark.parametrize("name", ["", "ckpt_38"])
def test_the_authors_checkpoint_gives_the_authors_network(rng, name):
    import tensorflow as tf

    model = build_network({"kind": "mvg-cnn"}, (168, 168, 36), CLASSES)
    load_weights(model, CHECKPOINT / name)
    saved = tf.train.load_checkpoint(str(CHECKPOINT / "ckpt_38"))
    arrays = [
        saved.get_tensor(f"layer_with_weights-{layer}/{part}/.ATTRIBUTES/VARIABLE_VALUE")
        for layer in range(4)
        for part in ("kernel", "bias")
    ]
    for found, expected in zip(model.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(found, expected)
    graphs = maps = graphs_of(rng, 3, 168, 168, 36)
    for layer in range(3):
        maps = tf.nn.leaky_relu(tf.nn.conv2d(maps, arrays[2 * layer], 1, "SAME") + arrays[2 * layer + 1], 0.3)
        if layer < 2:
            maps = tf.nn.max_pool2d(maps, 2, 2, "VALID")
    expected = tf.nn.softmax(tf.reduce_mean(maps, (1, 2)) @ arrays[6] + arrays[7])
    np.testing.assert_allclose(np.asarray(model(graphs)), expected, atol=1e-5)


# --- training, on graphs of traces ---


def traces_of(state, n_frames, rng):
    """Traces of 40 parcels: a random walk when awake, white noise in NREM, a trace that goes up and down in REM."""
    noise = rng.normal(size=(n_frames, 40))
    return [noise.cumsum(axis=0), noise, noise + 5 * (-1) ** np.arange(n_frames)[:, None]][state]


def graph_fold(folder, structured=True, n_each=6):
    """Epochs of four recordings with shards cut from traces, whose structure in time is that of the state, or none."""
    rng = np.random.default_rng(5)
    shards, rows = {}, []
    for mouse, split in (("Ms1", "train"), ("Ms2", "train"), ("Ms3", "validation"), ("Ms4", "test")):
        labels = rng.permutation(np.arange(3 * n_each) % 3)
        traces = [traces_of(label if structured else 1, 168, rng).round(3) for label in labels]
        shards[mouse, "a"] = folder / f"{mouse}.tfrecord"
        table = table_of(folder / f"{mouse}.tsv", np.concatenate(traces))
        cut_graphs({"traces": table}, [{"seconds": 1, "compression": "none"}], labels, [shards[mouse, "a"]])
        rows += [(mouse, "a", epoch, label, split) for epoch, label in enumerate(labels)]
    return pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "label", "split"]), shards


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    return graph_fold(tmp_path_factory.mktemp("graphs"))


def settings_with(weights=None, **training):
    model = {"kind": "mvg-cnn", "graph_filters": [4, 6], "regions": [1, 3], "weights": weights}
    return {**SETTINGS, "model": model, "training": {**SETTINGS["training"], **training}}


def scored(model, fold):
    return score_fold(model, *fold, CLASSES, batch_size=16, channels=mvg_size.channels_of(settings_with()["model"]))


def chance(predictions):
    """Kappa on the test mouse, and how likely labels dealt out at random agree with the predictions at least as well.

    Predictions and numbers of labels stay the same, so that kappa rises with the agreement.
    """
    tested = predictions[predictions["split"] == "test"]
    truth, predicted = tested["y_true"].to_numpy(), tested["y_pred"].to_numpy()
    dealt = np.random.default_rng(1).permuted(np.tile(truth, (9999, 1)), axis=1)
    as_good = ((dealt == predicted).sum(axis=1) >= (truth == predicted).sum()).sum()
    return cohen_kappa_score(truth, predicted), (1 + as_good) / (1 + len(dealt))


@pytest.mark.slow
@pytest.mark.parametrize("structured", [True, False], ids=["structured", "white"])
def test_it_is_at_chance_but_where_traces_have_structure_in_time(tmp_path, structured):
    fold = graph_fold(tmp_path, structured, n_each=20)
    result = trained(fold, tmp_path, settings_with(passes=8, learning_rate=0.01))
    assert result.model.input.shape == (None, 16, 16, 2)
    predictions = scored(result.model, fold).predictions
    assert predictions["y_pred"].nunique() > 1  # a single state would be at chance whatever the graphs tell
    kappa, likely = chance(predictions)
    if structured:
        assert kappa > 0.6 and likely <= 0.001
    else:
        assert likely > 0.001


@pytest.mark.slow
def test_without_training_epochs_the_given_weights_are_the_network(tmp_path, fold):
    first = trained(fold, tmp_path / "first", settings_with(passes=1))
    path = tmp_path / "model.keras"
    first.model.save(path)
    settings = settings_with(str(path), passes=0, schedule="cosine", learning_rate=0.01)
    for _ in range(2):  # as after a kill
        said = []
        result = trained(fold, tmp_path / "second", settings, tell=said.append)
        assert said == ["nothing is trained, the given weights are the network's"]
        for found, expected in zip(result.model.get_weights(), first.model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert list(result.history) == list(first.history)
        assert list(result.confusion) == list(first.confusion)
        assert result.history.empty and result.confusion.empty
        assert result.temperature == pytest.approx(first.temperature, rel=1e-6)
        assert (tmp_path / "second" / "tensorboard").is_dir()
    card = card_of(settings | {"windows": {}}, fold[0], result.temperature)
    assert card["epochs"] == {"validation": {"Ms3": 18}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("windows", {"compression": "gzip"}, None),
        ("windows", {"seconds": 2}, "was trained on windows with seconds 1, these have 2; take a network"),
        ("labels", {"classes": CLASSES[::-1]}, "with states wake/nrem/rem, these have rem/nrem/wake; take a network"),
        (
            "model",
            {"regions": [3, 1]},
            r"the channels \[0, 2\] of a window, the settings choose \[2, 0\]; choose",
        ),
    ],
)
def test_a_network_that_is_to_score_as_it_is_fits_what_it_was_trained_on(tmp_path, fold, section, changes, message):
    path, windows = tmp_path / "model.keras", {"input": "visibility-graphs", "seconds": 1, "compression": "none"}
    model = build_network(settings_with()["model"], (16, 16, 2), CLASSES)
    model.save(path)
    write_card(path, card_of(settings_with(passes=1) | {"windows": windows}, fold[0], 1.0))
    settings = settings_with(str(path), passes=0) | {"windows": windows}
    settings = {**settings, section: {**settings[section], **changes}}
    if message is None:
        trained(fold, tmp_path, settings)
    else:
        with pytest.raises(InputError, match=message) as refused:
            trained(fold, tmp_path, settings)
        assert str(refused.value).startswith(str(path))
        if section != "labels":  # a training may start from it
            trained(fold, tmp_path, {**settings, "training": {**settings["training"], "passes": 1}})


@pytest.mark.slow
def test_training_starts_from_given_weights(tmp_path, fold):
    first = trained(fold, tmp_path / "first", settings_with(passes=1))
    path = tmp_path / "model.keras"
    first.model.save(path)
    result = trained(fold, tmp_path / "second", settings_with(str(path), passes=1, learning_rate=0.0))
    for found, expected in zip(result.model.get_weights(), first.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_the_loss_weight_is_that_of_every_class_in_training_and_validation(tmp_path, fold):
    """As the published loss has it, the package's with a weight for each class."""
    still = {"passes": 1, "learning_rate": 0.0}
    whole, quarter = (
        trained(fold, tmp_path / str(weight), settings_with(loss_weight=weight, **still)) for weight in (1, 0.25)
    )
    for column in ("loss", "val_loss"):
        ratio = quarter.history[column].iloc[0] / whole.history[column].iloc[0]
        assert ratio == pytest.approx(0.25, rel=1e-6)
    rng = np.random.default_rng(2)
    probabilities, truth = rng.dirichlet(np.ones(3), 20).astype(np.float32), rng.integers(0, 3, 20)
    published = SparseCategoricalFocalLoss(gamma=2, class_weight=[0.25] * 3)(truth, probabilities)
    plain = SparseCategoricalFocalLoss(gamma=2)(truth, probabilities)
    assert float(published) == pytest.approx(0.25 * float(plain), rel=1e-6)


@pytest.mark.slow
def test_a_loss_weight_of_1_changes_no_bit(tmp_path, fold, monkeypatch):
    ours = trained(fold, tmp_path / "ours", settings_with(passes=3))
    compile_ = keras.Model.compile
    monkeypatch.setattr(keras.Model, "compile", lambda self, loss_weights, **options: compile_(self, **options))
    plain = trained(fold, tmp_path / "plain", settings_with(passes=3))
    pd.testing.assert_frame_equal(ours.history, plain.history, check_exact=True)
    for found, expected in zip(ours.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


# --- Grad-CAM of links ---


def published_heat(model, graphs, index):
    """Grad-CAM by hand: the mean over the channels, each weighted by the mean of its gradient; scaled to 0..1."""
    import tensorflow as tf

    *_, kernel, bias = model.get_weights()
    maps = tf.convert_to_tensor(keras.Model(model.input, model.get_layer(mvg_size.FEATURE_MAP).output)(graphs))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = tf.reduce_mean(maps, (1, 2)) @ kernel + bias
        probabilities = tf.nn.softmax(scores)
        if len(bias) == 1:
            probabilities = tf.concat([1 - tf.sigmoid(scores), tf.sigmoid(scores)], 1)
        score = probabilities[:, index]
    weights = tf.reduce_mean(tape.gradient(score, maps), (1, 2))
    heat = tf.nn.relu(tf.reduce_mean(maps * weights[:, None, None], -1)).numpy()
    lowest, highest = (pick(heat, axis=(1, 2), keepdims=True) for pick in (np.min, np.max))
    assert (highest > lowest).any()
    return (heat - lowest) / np.where(highest > lowest, highest - lowest, 1)  # without evidence all are 0


@pytest.mark.parametrize("classes", [CLASSES, ["wake", "sleep"]], ids=len)
def test_grad_cam_is_that_of_the_last_activation(rng, classes):
    model = build_network(SETTINGS_OF_MODEL, (12, 12, 3), classes)
    spread(model, rng)
    graphs = graphs_of(rng, 4, 12, 12, 3)
    for index in range(len(classes)):
        found = grad_cam(model, graphs, index)
        assert found.shape == (4, 1, 3, 3)
        np.testing.assert_allclose(found[:, 0], published_heat(model, graphs, index), atol=1e-5)


def test_a_folds_maps_are_means_over_the_epochs_scored_correctly(fold, rng):
    model = build_network(settings_with()["model"], (16, 16, 2), CLASSES)
    spread(model, rng)
    found, epochs = scored(model, fold), fold[0][fold[0]["split"] == "test"]
    windows = read_windows([fold[1]["Ms4", "a"]], epochs[["label"]].to_numpy().T, channels=[0, 2])
    graphs, labels = (np.stack(each) for each in list(zip(*windows.as_numpy_iterator(), strict=True))[:2])
    right = np.asarray(model(graphs)).argmax(axis=1) == labels
    assert found.examples == {("Ms4", index): n for index, n in enumerate(np.bincount(labels[right])) if n}
    for (_, index), heat in found.heat["gradcam"].items():
        expected = published_heat(model, graphs[right & (labels == index)], index).mean(axis=0)
        np.testing.assert_allclose(heat, expected, atol=1e-5)
