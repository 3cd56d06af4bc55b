"""Figures: facts on the axes, edge cases that still say something, files that are reproducible."""

from xml.sax.saxutils import escape

import matplotlib
import numpy as np
import pandas as pd
import pytest
from made_up import fragmentation_of, predictions_of, quality_of
from matplotlib.colors import to_rgba

from wfci_sleep.analysis.attention import histograms, near_transition, scaled_to_unit, summary_by_state
from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.figures.attention import (
    plot_attention_distribution,
    plot_attention_session,
    plot_attention_time_course,
    plot_attention_transitions,
)
from wfci_sleep.figures.confusion import plot_confusion
from wfci_sleep.figures.fragmentation import plot_fragmentation
from wfci_sleep.figures.gradcam import plot_gradcam
from wfci_sleep.figures.learning import plot_learning_curves
from wfci_sleep.figures.performance import plot_performance
from wfci_sleep.figures.recordings import WARNING_COLOUR, plot_recordings
from wfci_sleep.figures.registration import plot_registration
from wfci_sleep.figures.reliability import plot_reliability
from wfci_sleep.figures.style import save
from wfci_sleep.scoring.calibration import reliability

NAMES = ["wake", "nrem", "rem"]


def texts(figure):
    """Every text of a figure that is not empty."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def says(figure, words):
    return any(words in text for text in texts(figure))


def test_attention_is_scaled_epoch_by_epoch():
    scaled = scaled_to_unit(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]]))
    assert scaled.tolist() == [[0.0, 0.25, 1.0], [0.0, 0.0, 0.0]]


def test_attention_means_by_state():
    mean, quartiles, counts = summary_by_state(np.array([[0.0, 1], [1, 0], [1, 1]]), np.array([2, 2, 0]), 3)
    assert mean[2].tolist() == [0.5, 0.5]
    assert mean[0].tolist() == [1, 1]
    assert np.isnan(mean[1]).all()
    assert quartiles[2].tolist() == [[0.25, 0.25], [0.75, 0.75]]
    assert counts.tolist() == [1, 0, 2]


def test_histograms_are_probabilities_over_common_bins(rng):
    groups = [rng.random(500), rng.random(70) / 2]
    edges, probabilities = histograms(groups)
    assert probabilities.shape == (2, 100)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[1, edges[:-1] > 0.5].sum() == 0


def test_thirty_frames_on_each_side_of_a_change_are_near_it():
    # Wake, NREM, NREM in a row, then after a gap REM: one change, between the first two epochs.
    near = near_transition(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 5]), 168)
    expected = np.zeros((4, 168), dtype=bool)
    expected[0, -30:] = True
    expected[1, :30] = True
    assert (near == expected).all()
    # A 5-s window holds the epoch's first 84 frames: the end of the first epoch is not in it.
    short = near_transition(np.array([0, 1]), np.array([0, 1]), 84)
    assert not short[0].any()
    assert short[1].sum() == 30


def test_confusion_shows_counts_and_row_percentages():
    figure = plot_confusion(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), NAMES)
    shown = " ".join(texts(figure))
    assert "66.7 %" in shown
    assert "33.3 %" in shown
    assert "100.0 %" in shown
    assert "nan" not in shown


def test_gradcam_says_where_there_is_no_example(rng):
    maps = rng.random((2, 3, 128, 128)).astype(np.float32)
    maps[1, 2] = np.nan
    examples = np.array([[3, 4, 5], [6, 7, 0]])
    mask = np.ones((2, 128, 128), dtype=bool)
    figure = plot_gradcam(maps, examples, rng.random((2, 128, 128)), mask, ["Ms1", "Ms2"], NAMES)
    assert sum("no correct" in text for text in texts(figure)) == 1
    assert says(figure, "n=7")
    assert says(figure, "REM")


def test_attention_figures_draw_and_name_absent_states(rng):
    weights = rng.dirichlet(np.ones(168), size=12)
    states = np.array([0, 1] * 6)
    figures = [
        plot_attention_time_course(weights, states, NAMES, 10),
        plot_attention_distribution(weights, states, NAMES),
        plot_attention_session(weights, np.arange(12) * 10.0, states, NAMES, "Ms1"),
    ]
    assert all(says(figure, "no epoch") for figure in figures)
    bars = figures[0].axes[0].patches
    assert len(bars) == 168
    expected = scaled_to_unit(weights)[states == 0].mean(axis=0)
    np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
    plot_attention_transitions(weights, np.arange(12), states, ["Ms1"] * 12)
    quiet = plot_attention_transitions(weights, np.arange(12) * 2, states, ["Ms1"] * 12)
    assert says(quiet, "no transition")


@pytest.mark.parametrize("mice", [["Ms1"], ["Ms1", "Ms2", "Ms3"]])
def test_performance_and_fragmentation_show_every_mouse(rng, mice):
    predictions = predictions_of(rng, mice)
    table = metrics_table(predictions, NAMES, 100, 0)
    figure = plot_performance(table)
    pooled = table[(table["level"] == "pooled") & (table["metric"] == "kappa")]["value"].iloc[0]
    assert says(figure, f"{pooled:.2f}")
    figure = plot_fragmentation(*fragmentation_of(predictions))
    (dots,) = [line for line in figure.axes[1].get_lines() if line.get_label() == "human"]
    assert len(dots.get_xdata()) == len(mice)


def test_reliability_shows_the_table_before_and_after_calibration(rng):
    predictions = predictions_of(rng, ["Ms1", "Ms2"])
    figure = plot_reliability(predictions, 100, 0)
    correct = predictions["y_true"] == predictions["y_pred"]
    before, after, diagonal = figure.axes[0].get_lines()
    for line, confidence in (
        (before, predictions[["p_wake", "p_nrem", "p_rem"]].max(axis=1)),
        (after, predictions.confidence),
    ):
        table = reliability(confidence, correct)
        table = table[table["n"] > 0]
        np.testing.assert_allclose(line.get_xydata(), np.transpose([table["confidence"], table["accuracy"]]))
    assert before.get_color() != after.get_color()
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert len(heights) == 20
    assert sum(heights) == pytest.approx(200)
    assert sum("ECE 0." in text for text in texts(figure)) == 2
    assert says(plot_reliability(predictions[:0], 100, 0), "no epochs")
    assert not says(plot_reliability(predictions[:1], 100, 0), "nan")


def test_learning_curves_mark_the_kept_training_epoch():
    history = pd.DataFrame(
        {
            "fold": [1, 1, 1],
            "pass": [1, 2, 3],
            "loss": [3.0, 2, 1],
            "val_loss": [3.0, 1, 2],
            "kappa": [0.1, 0.2, 0.3],
            "val_kappa": [0.1, 0.5, 0.4],
        }
    )
    figure = plot_learning_curves(history)
    kept = [line for axes in figure.axes for line in axes.get_lines() if line.get_label() == "kept"]
    assert [list(line.get_xdata()) for line in kept] == [[2], [2]]
    assert [list(line.get_ydata()) for line in kept] == [[1.0], [0.5]]


def test_registration_gives_the_overlap_in_percent(rng):
    mask, parcels = np.zeros((128, 128), dtype=bool), np.zeros((128, 128), dtype=np.uint8)
    mask[:, :64] = True
    parcels[:, 32:96] = 7
    figure = plot_registration("Ms1", mask, parcels, rng.random((128, 128)), rng.random((128, 128)))
    assert says(figure, "33.3 %")


@pytest.mark.parametrize("name", [r"M$\frac{1}{0}$", "M$5 and $6", "_M", "<M&5>"])
def test_text_is_never_mathematics(rng, tmp_path, name):
    figure = plot_recordings(quality_of(rng, 2, 1).replace("Ms1", name))
    save(figure, tmp_path / "a.svg", tmp_path / "a.png", note=name)
    assert (tmp_path / "a.svg").read_text().count(f">{escape(name)}</text>") == 2


def test_log_axes_have_plain_numbers(rng):
    weights = rng.dirichlet(np.full(34, 0.3), 40)
    figure = plot_attention_distribution(weights, np.repeat([0, 1], 20), ["wake", "nrem"])
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels(which="both") if label.get_text()]
    assert {"0.1", "0.01"} <= set(labels)
    assert all(float(label) > 0 for label in labels)


def test_files_are_reproducible_and_carry_the_note(tmp_path):
    for name in ("a", "b"):
        figure = plot_confusion(np.array([0, 1, 2]), np.array([0, 1, 1]), NAMES)
        save(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png", "Synthetic data: not a scientific result")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert "Synthetic data" in (tmp_path / "a.svg").read_text()


def warning_marks(figure):
    """Rows of the recordings that have a "!"."""
    return [text.xy[1] for text in figure.axes[0].texts if text.get_text() == "!"]


def test_bars_of_recordings_add_up_to_their_epochs(rng):
    quality = quality_of(rng, 3, 2)
    figure = plot_recordings(quality)
    kinds = figure.axes[0].containers
    assert [kind.get_label() for kind in kinds] == ["Wake", "NREM", "REM", "Artefact"]
    epochs = np.array([[bar.get_width() * 6 for bar in kind] for kind in kinds])
    np.testing.assert_allclose(epochs, quality[["wake", "nrem", "rem", "artefact"]].to_numpy().T)
    ends = [bar.get_x() + bar.get_width() for bar in kinds[-1]]
    np.testing.assert_allclose(ends, quality["epochs"] / 6)
    for axes, column in zip(figure.axes[1:], ["mask_pixels", "atlas_overlap"], strict=True):
        np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 0], quality[column])


def test_recordings_with_warnings_are_marked(rng):
    figure = plot_recordings(quality_of(rng, 4, 2, warned=(2, 5)))
    assert warning_marks(figure) == [2, 5]
    assert says(figure, "8 recordings, 2 with warnings")
    # Without any warning pandas reads the column as numbers, all NaN; a table in memory has empty text.
    for nothing in (np.nan, ""):
        figure = plot_recordings(quality_of(rng, 1, 3).assign(warnings=nothing))
        assert warning_marks(figure) == []
        assert says(figure, "3 recordings, 0 with warnings")
    assert says(plot_recordings(quality_of(rng, 1, 1)[:0]), "no recordings")


def test_only_unusual_masks_and_overlaps_have_red_dots(rng):
    quality = quality_of(rng, 3, 2, warned=(0, 2, 5))
    quality.loc[2, "mask_pixels"], quality.loc[5, "atlas_overlap"] = 3000, 0.7
    for axes, unusual in zip(plot_recordings(quality).axes[1:], (2, 5), strict=True):
        red = (axes.collections[0].get_facecolors() == to_rgba(WARNING_COLOUR)).all(axis=1)
        assert np.flatnonzero(red).tolist() == [unusual]


def test_many_recordings_have_one_label_a_mouse(rng):
    # The runs of a mouse may come apart: they are drawn together.
    quality = quality_of(rng, 12, 12, warned=range(144)).sort_values("recording", kind="stable")
    figure = plot_recordings(quality)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"Ms{mouse + 1}" for mouse in range(12)]
    titles = [panel.title for panel in figure.axes[1:]] + [panel.xaxis.label for panel in figure.axes]
    for drawn in (axes.get_yticklabels(), [*figure.texts, axes.get_legend(), *titles]):
        boxes = [artist.get_window_extent() for artist in drawn]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
