"""The network: published size, attention by its formula, Grad-CAM by its definition, round trips through disk."""

import keras
import numpy as np
import pytest

from wfci_sleep.attention import TemporalAttention
from wfci_sleep.explain import attention_weights, grad_cam
from wfci_sleep.model import FEATURE_MAP, TEMPORAL_ATTENTION, build_network, load_network

PUBLISHED = {"filters": [64] * 5, "lstm_units": 64, "dropout": 0.2}
SMALL = {"filters": [4, 6], "lstm_units": 3, "dropout": 0.2}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return build_network(SMALL, (9, 8, 6), ["wake", "nrem", "rem"])


def test_published_settings_have_the_published_parameters():
    model = build_network(PUBLISHED, (168, 128, 128), ["wake", "nrem", "rem"])
    assert model.count_params() == 432_323
    convolutions = [layer.count_params() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions == [640] + 9 * [36_928]
    assert model.get_layer("bilstm").count_params() == 66_048
    assert model.get_layer(TEMPORAL_ATTENTION).count_params() == 32_896
    assert model.get_layer("probabilities").count_params() == 387
    assert model.get_layer(FEATURE_MAP).output.shape[1:] == (8, 8, 64)
    # One copy of each layer, however many frames.
    assert len(convolutions) == 10
    assert build_network(PUBLISHED, (16, 128, 128), 3).count_params() == 432_323


def test_frames_are_encoded_one_by_one(network, rng):
    """Two windows that share a frame have the same feature map there: time is folded into the batch, not mixed."""
    encoder = keras.Model(network.input, network.get_layer(FEATURE_MAP).output)
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
    by_name = {weight.path.split("/")[-2]: np.asarray(weight) for weight in layer.weights}
    hidden = np.tanh((query @ by_name["query"])[:, None] + sequence @ by_name["key"])
    scores = (hidden * np.asarray(scale)).sum(axis=-1)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
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


@pytest.mark.parametrize("classes", [["wake", "nrem", "rem"], ["wake", "sleep"]])
def test_grad_cam_equals_its_definition(rng, classes):
    """Against finite differences of the class score, one number of the feature map at a time."""
    model = build_network({**SMALL, "filters": [3, 2]}, (4, 6, 4), classes)
    frames = rng.normal(size=(1, 4, 6, 4)).astype(np.float32)
    layer = model.get_layer(FEATURE_MAP)
    encoder = keras.Model(model.input, layer.output)
    head = keras.Model(layer.output, model.output)
    maps = np.asarray(encoder(frames))
    # Every number of the feature map raised and lowered by a step, as one batch of windows.
    step = 1e-2
    changes = step * np.eye(maps.size, dtype=np.float32).reshape(maps.size, *maps.shape)
    batch = np.concatenate([maps + changes, maps - changes]).reshape(-1, *maps.shape[1:])
    outputs = np.asarray(head(batch))
    if len(classes) == 2:
        outputs = np.hstack([1 - outputs, outputs])
    raised, lowered = np.split(outputs, 2)
    for class_index in range(len(classes)):
        gradient = (raised - lowered)[:, class_index].reshape(maps.shape) / (2 * step)
        heat = np.maximum((gradient.mean(axis=(1, 2), keepdims=True) * maps).sum(axis=-1), 0)
        heat = (heat - heat.min()) / (heat.max() - heat.min())
        np.testing.assert_allclose(grad_cam(model, frames, class_index)[0], heat, atol=2e-2)


def test_grad_cam_is_scaled_per_example_and_class(network, rng):
    frames = rng.normal(size=(3, 9, 8, 6)).astype(np.float32)
    heat = grad_cam(network, frames, np.array([0, 1, 2]))
    assert heat.shape == (3, 9, 4, 3)
    assert heat.min() == 0
    np.testing.assert_allclose(heat.max(axis=(1, 2, 3)), 1, rtol=1e-6)
    for example, class_index in enumerate([0, 1, 2]):
        alone = grad_cam(network, frames[example : example + 1], class_index)
        np.testing.assert_allclose(heat[example], alone[0], atol=1e-4)
