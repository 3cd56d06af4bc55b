"""Examples and their movies: the right epoch is chosen, files say what they hold, every picture shows its moment."""

from dataclasses import replace

import imageio.v2 as imageio
import numpy as np
import pandas as pd
import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.figures.movie import Scene, write_movie
from wfci_sleep.scoring.examples import Example, choose_epoch, read_example, write_example

STATES = ["wake", "nrem", "rem"]
FRAMES = 6


@pytest.fixture
def example(rng):
    """Six frames of 16 x 8 pixels with a border outside the mask; the map is hot in one corner."""
    frames = np.zeros((FRAMES, 16, 8), dtype=np.float16)
    frames[:, 2:14, 1:7] = rng.normal(size=(FRAMES, 12, 6))
    heat = np.zeros((FRAMES, 4, 2), dtype=np.float32)
    heat[np.arange(FRAMES), 1, 1] = np.linspace(0, 1, FRAMES)
    return Example(
        mouse="Ms1",
        recording="Ms1-fc2",
        epoch=17,
        window_s=10.0,
        states=STATES,
        y_true=1,
        y_pred=2,
        probabilities=np.array([0.1, 0.2, 0.7], dtype=np.float32),
        frames=frames,
        attention=rng.dirichlet(np.ones(FRAMES)).astype(np.float32),
        heat={"gradcam": heat, "gradcam_plus_plus": heat / 2},
    )


@pytest.fixture
def predictions():
    """Names with underscores; wake is never predicted."""
    return pd.DataFrame(
        {
            "mouse": ["a", "a", "a_b", "a"],
            "recording": ["b_c", "b_c", "c", "d"],
            "epoch": [4, 5, 6, 4],
            "y_true": [1, 1, 1, 0],
            "y_pred": [1, 1, 1, 2],
            "p_wake": [0.1, 0.1, 0.1, 0.02],
            "p_nrem": [0.7, 0.8, 0.75, 0.02],
            "p_rem": [0.2, 0.1, 0.15, 0.96],
            "confidence": [0.7, 0.8, 0.99, 0.96],
        }
    )


def test_an_example_comes_back_as_it_was(tmp_path, example):
    write_example(tmp_path / "a.h5", example)
    found = read_example(tmp_path / "a.h5")
    for name, value in vars(example).items():
        if name == "heat":
            assert found.heat.keys() == value.keys()
            assert all((found.heat[method] == value[method]).all() for method in value)
        else:
            assert np.all(getattr(found, name) == value), name
    assert found.frames.dtype == np.float16


def test_the_surest_right_epoch_or_the_named_one_is_chosen(predictions):
    assert choose_epoch(predictions, "nrem", STATES) == 1
    assert choose_epoch(predictions, "a_b_c_4", STATES) == 0
    assert choose_epoch(predictions, "a_d_4", STATES) == 3  # a wrongly predicted one can be looked at, too
    # Tested in two folds: the one whose network was surer.
    again = pd.concat([predictions, predictions.assign(p_nrem=0.9)], ignore_index=True)
    assert choose_epoch(again, "a_b_c_4", STATES) == 4


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("rem", "example rem: none of the 4 test epochs is rem for both"),
        ("rem", "another state or an epoch, the target results/<run>/<experiment>/movies/<state>.mp4"),
        ("wake", "example wake: none of the 4 test epochs is wake for both"),
        ("a_b_c_7", "example a_b_c_7: no test epoch of that name; expected a state .wake, nrem, rem. or"),
        ("sleep", "of a test epoch, such as a_b_c_4"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(predictions, which, message):
    with pytest.raises(InputError, match=message) as error:
        choose_epoch(predictions, which, STATES)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=f"example {which}: no"):
        choose_epoch(predictions[:0], which, STATES)


def test_the_chosen_epoch_of_a_shard_is_explained(tmp_path, rng):
    """The network is asked about that epoch alone, whatever else the shard holds."""
    from wfci_sleep.files.shard_writing import write_shard
    from wfci_sleep.models.cnn_bilstm import build_network
    from wfci_sleep.scoring.grad_cam import Explainer
    from wfci_sleep.scoring.predict import explain_epoch

    mask = rng.random((8, 8)) > 0.3
    pixels = {epoch: rng.normal(size=(FRAMES, mask.sum())).astype(np.float16) for epoch in (0, 2, 9)}
    write_shard(tmp_path / "a.tfrecord", [(epoch, 1, values) for epoch, values in pixels.items()], mask)
    settings = {"filters": [2, 2], "lstm_units": 2, "dropout": 0.0}
    model = build_network(settings, (FRAMES, 8, 8), STATES)
    frames, found = explain_epoch(model, tmp_path / "a.tfrecord", 2)
    assert frames.dtype == np.float16
    np.testing.assert_array_equal(frames[:, mask], pixels[2])
    assert not frames[:, ~mask].any()
    expected = Explainer(model).explain(frames[None].astype(np.float32))
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=1e-6)
    assert found.attention.shape == (1, FRAMES)
    assert {maps.shape[:2] for maps in found.heat.values()} == {(1, FRAMES)}


def test_every_picture_shows_its_moment(example):
    scene = Scene(example, "temporal-zscore", "gradcam_plus_plus", "Synthetic data: not a scientific result")
    recorded, mapped, *_ = panels = [axes for axes in scene.figure.axes if axes.images]
    assert len(panels) == 2
    inside = np.zeros((16, 8), dtype=bool)
    inside[2:14, 1:7] = True
    for frame in (4, 1):
        scene.show(frame)
        for axes in panels:
            shown = np.ma.masked_invalid(axes.images[0].get_array())
            np.testing.assert_array_equal(~np.ma.getmaskarray(shown), inside)
            np.testing.assert_array_equal(shown[inside], example.frames[frame][inside].astype(np.float32))
        assert len(recorded.images) == 1
        heat = np.ma.masked_invalid(mapped.images[1].get_array())
        assert heat.shape == (128, 64)
        assert heat.max() == pytest.approx(frame / (FRAMES - 1) / 2, rel=0.02)  # no pixel lies on its centre
        hottest = np.array(np.unravel_index(heat.argmax(), heat.shape))
        assert (hottest >= [32, 32]).all()
        assert (hottest < [64, 64]).all()
        [attention] = [axes for axes in scene.figure.axes if axes.get_xlabel().startswith("Time")]
        *_, line, point = attention.get_lines()
        assert list(line.get_xdata()) == [frame / 16.8] * 2
        assert (point.get_xdata()[0], point.get_ydata()[0]) == (frame / 16.8, example.attention[frame])
        assert attention.get_title(loc="right") == f"{frame / 16.8:.2f} s"
    title = scene.figure.get_suptitle()
    assert title == "Ms1, Ms1-fc2, epoch 17\nnetwork REM (p = 0.70), human NREM"
    assert scene.figure.get_supxlabel() == "Synthetic data: not a scientific result"


def test_pictures_differ_in_what_moves_only(example):
    pictures = list(Scene(example, "min-max").pictures())
    assert len(pictures) == FRAMES
    height, width, channels = pictures[0].shape
    assert (height % 2, width % 2, channels) == (0, 0, 3)
    moved = (pictures[0] != pictures[5]).any(axis=2)
    assert moved.any()
    assert not moved[: height // 10].any()  # the title stays where it is
    assert list(Scene(example, "min-max").pictures(step=4))[1].tolist() == pictures[4].tolist()


def test_a_window_without_any_change_says_so(example):
    still = replace(example, frames=np.zeros_like(example.frames), heat={"gradcam": np.zeros((FRAMES, 4, 2))})
    scene = Scene(still, "temporal-zscore")
    assert any("no pixel changes" in text.get_text() for axes in scene.figure.axes for text in axes.texts)
    assert len(list(scene.pictures())) == FRAMES


def test_mp4_plays_everywhere_at_the_recordings_rate_and_comes_out_the_same(tmp_path, example):
    for name in ("a", "b"):
        write_movie(tmp_path / f"{name}.mp4", example, "temporal-zscore", note="Synthetic data")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with imageio.get_reader(tmp_path / "a.mp4") as movie:
        about = movie.get_meta_data()
        assert movie.count_frames() == FRAMES
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["fps"] == pytest.approx(16.8)
    assert [size % 2 for size in about["source_size"]] == [0, 0]


def test_gif_has_every_second_frame_at_the_same_speed(tmp_path, example):
    write_movie(tmp_path / "a.gif", example, "temporal-zscore")
    with imageio.get_reader(tmp_path / "a.gif") as movie:
        assert len(movie) == FRAMES / 2
        assert movie.get_meta_data()["duration"] == pytest.approx(2000 / 16.8, abs=5)


def test_without_ffmpeg_the_line_says_what_to_install(tmp_path, example, monkeypatch):
    monkeypatch.setattr("wfci_sleep.figures.movie.find_spec", lambda name: None)
    with pytest.raises(InputError, match="films need the package imageio-ffmpeg, .* run `make install`"):
        write_movie(tmp_path / "a.mp4", example, "temporal-zscore")
    write_movie(tmp_path / "a.gif", example, "temporal-zscore")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_a_failing_movie_leaves_nothing(tmp_path, example, monkeypatch):
    def fail(scene, frame):
        if frame == 3:
            raise RuntimeError("stop")

    monkeypatch.setattr(Scene, "show", fail)
    with pytest.raises(RuntimeError, match="stop"):
        write_movie(tmp_path / "a.mp4", example, "temporal-zscore")
    assert list(tmp_path.iterdir()) == []
