"""The network: published size, every layer by its formula in numpy, Grad-CAM by its definition, round trips to disk."""

from itertools import product

import keras
import numpy as np
import pytest

from wfci_sleep.models.attention import CBAM, SimAM, TemporalAttention
from wfci_sleep.models.cnn_bilstm import FRAME_ENCODER, TEMPORAL_ATTENTION, build_network
from wfci_sleep.models.encoder import FrameEncoder, LeakyReLU
from wfci_sleep.models.saving import load_network
from wfci_sleep.scoring.explanations import METHOD_TITLES
from wfci_sleep.scoring.grad_cam import METHODS, Explainer, attention_weights, grad_cam

PUBLISHED = {
    "filters": [64] * 5,
    "kernel": 3,
    "pooling": 2,
    "spatial_attention": "none",
    "spatial_attention_blocks": "all",
    "temporal_attention": "additive",
    "lstm_units": 64,
    "dropout": 0.2,
}
SMALL = {**PUBLISHED, "filters": [4, 6], "lstm_units": 3}
VARIANTS = [
    {**SMALL, "spatial_attention": spatial, "temporal_attention": temporal}
    for spatial, temporal in product(["none", "simam", "cbam"], ["additive", "mean"])
]


def name_of(settings):
    return f"{settings['spatial_attention']}-{settings['temporal_attention']}"


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return build_network(SMALL, (9, 8, 6), ["wake", "nrem", "rem"])


def test_published_settings_have_the_published_parameters():
    model = build_network(PUBLISHED, (168, 128, 128), ["wake", "nrem", "rem"])
    assert model.count_params() == 432_323
    frame_layers = model.get_layer(FRAME_ENCODER).network.layers
    convolutions = [layer.count_params() for layer in frame_layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions == [640] + 9 * [36_928]
    assert model.get_layer("bilstm").count_params() == 66_048
    assert model.get_layer(TEMPORAL_ATTENTION).count_params() == 32_896
    assert model.get_layer("probabilities").count_params() == 387
    assert model.get_layer(FRAME_ENCODER).output.shape[1:] == (8, 8, 64)
    # One copy of each layer, however many frames.
    assert len(convolutions) == 10
    shortest = {key: PUBLISHED[key] for key in ("filters", "lstm_units", "dropout")}
    assert build_network(shortest, (16, 128, 128), 3).count_params() == 432_323


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spatial_attention": "simam"}, 432_323),
        # Squeeze 64 x 4, excite 4 x 64 and a 7 x 7 convolution of two maps.
        ({"spatial_attention": "cbam"}, 432_323 + 5 * 610),
        ({"spatial_attention": "cbam", "spatial_attention_blocks": [2, 5]}, 432_323 + 2 * 610),
        ({"temporal_attention": "mean"}, 432_323 - 32_896),
        ({"kernel": 5}, 432_323 + 16 * 64 + 9 * 16 * 64 * 64),
        ({"pooling": 1}, 432_323),
        # The BiLSTM and its attention, which is as wide as both sides together, and the output.
        ({"lstm_units": 32}, 432_323 - 66_048 - 32_896 - 387 + 24_832 + 8_256 + 195),
    ],
)
def test_every_setting_has_its_parameters(changes, expected):
    assert build_network({**PUBLISHED, **changes}, (4, 16, 16), 3).count_params() == expected


def test_spatial_attention_sits_between_convolutions_and_pooling():
    settings = {**SMALL, "filters": [2, 2, 2], "pooling": 3, "spatial_attention": "simam"}
    model = build_network({**settings, "spatial_attention_blocks": [1, 3]}, (2, 18, 9), 3)
    names = [layer.name for layer in model.get_layer(FRAME_ENCODER).network.layers]
    assert [name for name in names if name.endswith("_attention")] == ["block1_attention"]
    assert names.index("block1_attention") == names.index("block1_second") + 1 == names.index("block1_pool") - 1
    # After the activation that Grad-CAM looks at.
    assert names[-1] == "block3_second"
    names = [layer.name for layer in model.layers]
    assert names.index("block3_attention") == names.index(FRAME_ENCODER) + 1 == names.index("frame_features") - 1
    assert model.get_layer(FRAME_ENCODER).output.shape[1:] == (2, 1, 2)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def convolved(maps, kernel, bias=0.0):
    """Convolution with zeros around the maps; the extra row of an even kernel would be at the end."""
    size = len(kernel)
    before = (size - 1) // 2
    _, rows, columns, _ = maps.shape
    around = (before, size - 1 - before)
    padded = np.pad(maps, ((0, 0), around, around, (0, 0)))
    parts = (
        padded[:, row : row + rows, column : column + columns] @ kernel[row, column]
        for row, column in np.ndindex(size, size)
    )
    return sum(parts) + bias


def pooled(maps, side):
    """Maximum of squares; those that reach over the edge are shared out to both ends, as TensorFlow does."""
    _, rows, columns, _ = maps.shape
    around = [(lacking // 2, lacking - lacking // 2) for lacking in (-rows % side, -columns % side)]
    padded = np.pad(maps, ((0, 0), *around, (0, 0)), constant_values=-np.inf)
    batch, rows, columns, channels = padded.shape
    return padded.reshape(batch, rows // side, side, columns // side, side, channels).max(axis=(2, 4))


def simam(maps, _, regularisation=1e-4):
    gated = np.empty_like(maps)
    for example, channel in np.ndindex(maps.shape[0], maps.shape[3]):
        x = maps[example, :, :, channel]
        d = (x - x.mean()) ** 2
        v = d.sum() / max(x.size - 1, 1)
        gated[example, :, :, channel] = x * sigmoid(d / (4 * (v + regularisation)) + 0.5)
    return gated


def cbam(maps, weights):
    squeeze, excite, kernel = (weights[part] for part in ("squeeze/kernel", "excite/kernel", "pixel_gate/kernel"))
    of_mean, of_maximum = (
        np.maximum(values @ squeeze, 0) @ excite for values in (maps.mean(axis=(1, 2)), maps.max(axis=(1, 2)))
    )
    maps = maps * sigmoid(of_mean + of_maximum)[:, None, None]
    return maps * sigmoid(convolved(np.stack([maps.mean(axis=-1), maps.max(axis=-1)], axis=-1), kernel))


def lstm(sequence, kernel, recurrent_kernel, bias):
    hidden = cell = np.zeros((len(sequence), len(recurrent_kernel)))
    states = []
    for step in range(sequence.shape[1]):
        values = sequence[:, step] @ kernel + hidden @ recurrent_kernel + bias
        enter, forget, candidate, leave = np.split(values, 4, axis=1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        hidden = sigmoid(leave) * np.tanh(cell)
        states.append(hidden)
    return np.stack(states, axis=1)


def bahdanau(query, sequence, weights):
    hidden = np.tanh((query @ weights["query/kernel"])[:, None] + sequence @ weights["key/kernel"])
    return softmax((hidden * weights["additive/scale"]).sum(axis=-1))


def weights_by_name(layer):
    """The weights of a layer by the last two parts of their paths, in double precision."""
    return {"/".join(w.path.split("/")[-2:]): np.asarray(w, dtype=np.float64) for w in layer.weights}


def in_numpy(model, settings, frames):
    """The network's probabilities, attention weights and feature map, without Keras and one formula after the other."""
    batch, length, rows, columns = frames.shape
    maps = frames.reshape(-1, rows, columns, 1).astype(np.float64)
    n_blocks = len(settings["filters"])
    encoder = model.get_layer(FRAME_ENCODER).network
    for block in range(1, n_blocks + 1):
        for place in ("first", "second"):
            kernel, bias = weights_by_name(encoder.get_layer(f"block{block}_{place}_convolution")).values()
            maps = convolved(maps, kernel, bias)
            maps = np.where(maps > 0, maps, 0.3 * maps)
        feature_map = maps
        if settings["spatial_attention"] != "none":
            layer = (encoder if block < n_blocks else model).get_layer(f"block{block}_attention")
            maps = {"simam": simam, "cbam": cbam}[settings["spatial_attention"]](maps, weights_by_name(layer))
        if block < n_blocks:
            maps = pooled(maps, settings["pooling"])
    features = maps.mean(axis=(1, 2)).reshape(batch, length, -1)
    forward, backward = np.split(np.array(model.get_layer("bilstm").get_weights(), dtype=object), 2)
    forward, backward = lstm(features, *forward), lstm(features[:, ::-1], *backward)
    sequence = np.concatenate([forward, backward[:, ::-1]], axis=-1)
    weights = np.full((batch, length), 1 / length)
    if settings["temporal_attention"] == "additive":
        query = np.concatenate([forward[:, -1], backward[:, -1]], axis=-1)
        weights = bahdanau(query, sequence, weights_by_name(model.get_layer(TEMPORAL_ATTENTION)))
    context = (weights[..., None] * sequence).sum(axis=1)
    kernel, bias = weights_by_name(model.get_layer("probabilities")).values()
    scores = context @ kernel + bias
    probabilities = softmax(scores) if scores.shape[1] > 1 else sigmoid(scores)
    return probabilities, weights, feature_map


def spread(model, rng):
    """Give every weight, biases and scales too, a value of its own, large enough to matter."""
    model.set_weights([rng.normal(scale=0.5, size=weight.shape) for weight in model.get_weights()])


@pytest.mark.parametrize("classes", [["wake", "nrem", "rem"], ["wake", "sleep"]], ids=len)
@pytest.mark.parametrize("settings", VARIANTS, ids=name_of)
def test_every_variant_equals_its_formulas_and_survives_a_round_trip(tmp_path, rng, settings, classes):
    model = build_network(settings, (5, 8, 7), classes)
    spread(model, rng)
    frames = rng.normal(size=(2, 5, 8, 7)).astype(np.float32)
    expected, expected_weights, expected_maps = in_numpy(model, settings, frames)
    found = np.asarray(model(frames))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # What explanations are made from, at the cut.
    explainer = Explainer(model)
    weights = explainer.attention_weights(frames)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(explainer.encoder(frames)), expected_maps, rtol=1e-4, atol=1e-4)

    model.save(tmp_path / "model.keras")
    loaded = load_network(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(frames)), found)
    np.testing.assert_array_equal(attention_weights(loaded, frames), weights)


@pytest.mark.parametrize(
    "changes",
    [{"kernel": 5}, {"kernel": 4}, {"pooling": 3}, {"filters": [3, 2, 4], "pooling": 1}, {"filters": [5]}],
    ids=str,
)
def test_other_shapes_of_the_encoder_equal_their_formulas(rng, changes):
    settings = {**SMALL, **changes}
    model = build_network(settings, (3, 11, 7), 3)
    spread(model, rng)
    frames = rng.normal(size=(2, 3, 11, 7)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(model(frames)), in_numpy(model, settings, frames)[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1, 1, 1, 2)])
@pytest.mark.parametrize("regularisation", [1e-4, 0.5])
def test_simam_equals_its_formula(rng, shape, regularisation):
    maps = rng.normal(size=shape).astype(np.float32)
    layer = SimAM(regularisation)
    np.testing.assert_allclose(np.asarray(layer(maps)), simam(maps, None, regularisation), rtol=1e-5, atol=1e-6)
    assert not layer.weights
    assert SimAM.from_config(layer.get_config()).regularisation == regularisation


def test_simam_raises_what_stands_out():
    maps = np.ones((1, 5, 5, 1), dtype=np.float32)
    maps[0, 2, 3] = 2
    gate = np.asarray(SimAM()(maps))[0, :, :, 0] / maps[0, :, :, 0]
    assert np.unravel_index(gate.argmax(), gate.shape) == (2, 3)


@pytest.mark.parametrize(("reduction", "kernel", "hidden"), [(2, 7, 4), (3, 3, 2), (16, 7, 1)])
def test_cbam_equals_its_formula(rng, reduction, kernel, hidden):
    maps = rng.normal(size=(2, 6, 5, 8)).astype(np.float32)
    layer = CBAM(reduction, kernel)
    layer.build(maps.shape)
    spread(layer, rng)
    assert [weight.shape for weight in layer.get_weights()] == [(kernel, kernel, 2, 1), (8, hidden), (hidden, 8)]
    np.testing.assert_allclose(np.asarray(layer(maps)), cbam(maps, weights_by_name(layer)), rtol=1e-4, atol=1e-6)
    again = CBAM.from_config(layer.get_config())
    assert (again.reduction, again.kernel) == (reduction, kernel)


@pytest.fixture
def double_precision():
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(usual)


@pytest.mark.usefixtures("double_precision")
def test_gradients_of_temporal_attention_equal_finite_differences(rng):
    import tensorflow as tf

    layer = TemporalAttention(2)
    layer.build([(2, 3), (2, 4, 3)])
    spread(layer, rng)
    inputs = [tf.Variable(rng.normal(size=shape)) for shape in [(2, 3), (2, 4, 3)]]
    variables = [*inputs, *(weight.value for weight in layer.trainable_weights)]
    context_share, weights_share = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))

    def loss():
        context, weights = layer(inputs)
        return tf.reduce_sum(context * context_share) + tf.reduce_sum(weights * weights_share)

    with tf.GradientTape() as tape:
        value = loss()
    for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
        np.testing.assert_allclose(gradient, numerical_gradient(loss, variable), rtol=1e-6, atol=1e-9)


def numerical_gradient(loss, variable, step=1e-5):
    usual = variable.numpy()
    gradient = np.empty_like(usual)
    for place in np.ndindex(usual.shape):
        values = []
        for change in (step, -step):
            moved = usual.copy()
            moved[place] += change
            variable.assign(moved)
            values.append(loss().numpy())
        gradient[place] = (values[0] - values[1]) / (2 * step)
    variable.assign(usual)
    return gradient


def test_frames_are_encoded_one_by_one(network, rng):
    """Two windows that share a frame have the same feature map there: time is folded into the batch, not mixed."""
    encoder = keras.Model(network.input, network.get_layer(FRAME_ENCODER).output)
    first, second = rng.normal(size=(2, 1, 9, 8, 6)).astype(np.float32)
    second[0, 4] = first[0, 4]
    maps = [np.asarray(encoder(frames)) for frames in (first, second)]
    np.testing.assert_allclose(maps[0][4], maps[1][4], rtol=1e-5)
    assert np.abs(maps[0][3] - maps[1][3]).max() > 1e-3


def test_attention_equals_bahdanaus_formula(rng):
    layer = TemporalAttention(5)
    query, sequence = rng.normal(size=(2, 4)).astype(np.float32), rng.normal(size=(2, 7, 6)).astype(np.float32)
    context, weights = (np.asarray(output) for output in layer((query, sequence)))
    scale = layer.additive_attention.scale
    scale.assign(rng.normal(size=scale.shape))
    context, weights = (np.asarray(output) for output in layer((query, sequence)))
    expected = bahdanau(query, sequence, weights_by_name(layer))
    np.testing.assert_allclose(weights, expected, rtol=1e-4)
    np.testing.assert_allclose(context, (expected[..., None] * sequence).sum(axis=1), rtol=1e-3, atol=1e-5)


def test_attention_weights_sum_to_one(network, rng):
    weights = attention_weights(network, rng.normal(size=(5, 9, 8, 6)).astype(np.float32))
    assert weights.shape == (5, 9)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("classes", [["wake", "nrem", "rem"], ["wake", "sleep"], 3])
def test_round_trip_through_disk(tmp_path, rng, classes):
    model = build_network(SMALL, (9, 8, 6), classes)
    frames = rng.normal(size=(2, 9, 8, 6)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    found = np.asarray(load_network(tmp_path / "model.keras")(frames))
    np.testing.assert_array_equal(found, np.asarray(model(frames)))
    assert found.shape == ((2, 1) if classes == ["wake", "sleep"] else (2, 3))
    if found.shape[1] == 3:
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def direct_maps(feature_map, gradient, method):
    """SPEC by loops: one example, feature map and gradient of the class score (T, h, w, channels), in 0..1."""
    length, rows, columns, channels = feature_map.shape
    heat = np.zeros((length, rows, columns))
    for time, channel in product(range(length), range(channels)):
        maps, slopes = feature_map[time, :, :, channel], gradient[time, :, :, channel]
        if method == "gradcam":
            weight = sum(slopes[place] for place in np.ndindex(rows, columns)) / (rows * columns)
        else:
            weight = 0
            for place in np.ndindex(rows, columns):
                alpha = slopes[place] ** 2 / (2 * slopes[place] ** 2 + maps.sum() * slopes[place] ** 3)
                weight += alpha * max(slopes[place], 0)
        heat[time] += weight * maps
    heat = np.maximum(heat, 0)
    return (heat - heat.min()) / (heat.max() - heat.min())


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(
    ("classes", "changes"),
    [
        (["wake", "nrem", "rem"], {}),
        (["wake", "sleep"], {"spatial_attention": "simam"}),
        (["wake", "nrem", "rem"], {"spatial_attention": "cbam", "temporal_attention": "mean"}),
    ],
)
def test_class_activation_maps_equal_their_definition(rng, classes, changes):
    """Against loops over finite differences of the class score, one number of the feature map at a time."""
    model = build_network({**SMALL, "filters": [3, 2], **changes}, (4, 6, 4), classes, precision="float64")
    spread(model, rng)
    frames = rng.normal(size=(1, 4, 6, 4)).astype(np.float32)
    feature_map = model.get_layer(FRAME_ENCODER).output
    encoder = keras.Model(model.input, feature_map)
    head = keras.Model(feature_map, model.output)
    maps = np.asarray(encoder(frames))
    assert maps.dtype == np.float64
    # Every number of the feature map raised and lowered by a step, as one batch of windows.
    step = 1e-6
    changes = step * np.eye(maps.size).reshape(maps.size, *maps.shape)
    outputs = np.asarray(head(np.concatenate([maps + changes, maps - changes]).reshape(-1, *maps.shape[1:])))
    if len(classes) == 2:
        outputs = np.hstack([1 - outputs, outputs])
    raised, lowered = np.split(outputs, 2)
    explainer = Explainer(model)
    for class_index in range(len(classes)):
        gradient = (raised - lowered)[:, class_index].reshape(maps.shape) / (2 * step)
        found = explainer.explain(frames, class_index).heat
        assert set(found) == set(METHODS) == set(METHOD_TITLES)
        for method, heat in found.items():
            np.testing.assert_allclose(heat[0], direct_maps(maps, gradient, method), atol=1e-5)


def test_class_activation_maps_are_scaled_per_example_and_class(network, rng):
    frames = rng.normal(size=(3, 9, 8, 6)).astype(np.float32)
    explainer = Explainer(network)
    together = explainer.explain(frames, np.array([0, 1, 2])).heat
    for method, heat in together.items():
        assert heat.shape == (3, 9, 4, 3)
        assert heat.min() == 0
        np.testing.assert_allclose(heat.max(axis=(1, 2, 3)), 1, rtol=1e-6)
        for example, class_index in enumerate([0, 1, 2]):
            alone = explainer.explain(frames[example : example + 1], class_index).heat[method]
            np.testing.assert_allclose(heat[example], alone[0], atol=1e-4)
    np.testing.assert_array_equal(grad_cam(network, frames, np.array([0, 1, 2])), together["gradcam"])


def test_a_map_without_any_evidence_is_zero():
    """A gradient of zero everywhere, and a denominator of zero, give no NaN."""
    flat = np.ones((1, 2, 2, 3), dtype=np.float32)
    assert (METHODS["gradcam_plus_plus"](flat, np.zeros_like(flat)) == 0).all()
    assert (METHODS["gradcam_plus_plus"](-flat, np.full_like(flat, 0.5)) == 0).all()


# --- the encoder's ways of computing the same ---


def encoders(rng, attention, **changes):
    """Two encoders with the same weights: the usual one and a changed one."""
    blocks = [1, 2] if attention != "none" else []
    pair = [FrameEncoder([4, 6, 3], 3, 2, attention, blocks, **options) for options in ({}, changes)]
    for encoder in pair:
        encoder.build((None, 7, 8, 6))
    spread(pair[0], rng)
    pair[1].set_weights(pair[0].get_weights())
    return pair


def gradients(encoder, windows):
    """Of the mean square of the maps by each weight, as training works them out: in a graph."""
    import tensorflow as tf

    @tf.function
    def differentiate():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(encoder(windows, training=True) ** 2)
        return tape.gradient(loss, [weight.value for weight in encoder.trainable_weights])

    return [gradient.numpy() for gradient in differentiate()]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_the_activation_is_keras_own(rng, dtype):
    import tensorflow as tf

    values = tf.Variable(tf.cast([[-2.0, -1e-3, -0.0, 0.0, 1e-3, 2.0, *rng.normal(size=20)]], dtype))
    upstream = tf.cast(rng.normal(size=values.shape), dtype)
    found = []
    for kind in (LeakyReLU, keras.layers.LeakyReLU):
        layer = kind(negative_slope=0.3, dtype=dtype)
        with tf.GradientTape() as tape:
            outputs = layer(values)
        found.append((outputs.numpy(), tape.gradient(outputs, values, upstream).numpy()))
    np.testing.assert_array_equal(*[outputs for outputs, _ in found])
    np.testing.assert_array_equal(*[gradient for _, gradient in found])


@pytest.mark.parametrize("frames_at_once", [1, 4, 7, 100])
@pytest.mark.parametrize("attention", ["none", "simam", "cbam"])
def test_slices_of_frames_give_the_same_maps_and_gradients(rng, frames_at_once, attention):
    usual, sliced = encoders(rng, attention, frames_at_once=frames_at_once)
    windows = rng.normal(size=(2, 7, 8, 6)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(sliced(windows)), np.asarray(usual(windows)), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(gradients(sliced, windows), gradients(usual, windows), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("attention", ["none", "simam", "cbam"])
@pytest.mark.parametrize("frames_at_once", [None, 3])
def test_lower_precision_gives_nearly_the_same_maps_and_gradients(rng, precision, attention, frames_at_once):
    usual, lower = encoders(rng, attention, dtype=precision, frames_at_once=frames_at_once)
    assert {layer.compute_dtype for layer in lower.network.layers} == {precision.removeprefix("mixed_")}
    assert {weight.dtype for weight in lower.weights} == {"float32"}
    windows = rng.normal(size=(2, 7, 8, 6)).astype(np.float32)
    found, expected = np.asarray(lower(windows)), np.asarray(usual(windows))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max())
    # Lower precision was really at work.
    assert not np.array_equal(found, expected)
    # As a whole: where a value is near zero, a single one may take the other branch of an activation or of a maximum.
    ours, theirs = (
        np.concatenate([part.ravel() for part in gradients(encoder, windows)]) for encoder in (lower, usual)
    )
    assert np.linalg.norm(ours - theirs) < 0.1 * np.linalg.norm(theirs)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_ways_of_computing_survive_a_round_trip(tmp_path, rng, precision):
    model = build_network({**SMALL, "spatial_attention": "cbam"}, (9, 8, 6), 3, precision, frames_at_once=4)
    model.save(tmp_path / "model.keras")
    loaded = load_network(tmp_path / "model.keras")
    frames = rng.normal(size=(2, 9, 8, 6)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(loaded(frames)), np.asarray(model(frames)))
    encoder = loaded.get_layer(FRAME_ENCODER)
    assert (encoder.frames_at_once, encoder.dtype_policy.name) == (4, precision)
    found = Explainer(loaded).explain(frames)
    np.testing.assert_allclose(found.attention.sum(axis=1), 1, rtol=1e-5)
    assert {values.dtype.name for values in (found.probabilities, *found.heat.values())} == {"float32"}
