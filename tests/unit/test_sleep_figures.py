"""Figures of sleep: what stands on the axes of hypnograms, raters and fragmentation, and in colours that stay apart."""

import io
import re
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from made_up import fragmentation_of, predictions_of, quality_of
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import StepPatch
from skimage.color import deltaE_ciede2000, rgb2lab

from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.performance import COLUMNS as METRICS
from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.analysis.sleep_tables import fragmentation_tables
from wfci_sleep.analysis.transition_distance import transition_distance_table
from wfci_sleep.figures.attention import (
    plot_attention_distribution,
    plot_attention_session,
    plot_attention_time_course,
)
from wfci_sleep.figures.confusion import plot_confusion
from wfci_sleep.figures.folds import plot_folds
from wfci_sleep.figures.fragmentation import plot_fragmentation
from wfci_sleep.figures.hypnogram import plot_hypnogram
from wfci_sleep.figures.learning import plot_learning_curves
from wfci_sleep.figures.performance import plot_performance
from wfci_sleep.figures.raters import plot_raters
from wfci_sleep.figures.recordings import plot_recordings
from wfci_sleep.figures.style import GAP_COLOUR, PAGE_HEIGHT_MM, PALETTES, palette, state_colours, time_ticks
from wfci_sleep.figures.transition_distance import plot_transition_distance
from wfci_sleep.tables.epochs import SPLITS

NAMES = ["wake", "nrem", "rem"]


def texts(figure):
    """Every text of a figure that is not empty."""
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def says(figure, words):
    return any(words in text for text in texts(figure))


def spans(axes, label):
    """(left, right) of the blocks that carry a label."""
    (found,) = [each for each in axes.findobj(PolyCollection) if each.get_label() == label]
    boxes = [path.get_extents() for path in found.get_paths()]
    return [(round(box.x0, 6), round(box.x1, 6)) for box in boxes]


def of_counting(hypnograms, counting="gaps-end-bouts"):
    return [table[table["counting"] == counting] for table in fragmentation_tables(hypnograms)]


@pytest.fixture
def session():
    """Ten epochs of a minute each, so that a position is a minute; human and network disagree in minutes 1 and 9."""
    human = Hypnogram([0, 1, 1, -1, -2, -2, 1, 2, 0, 0], epoch_s=60)
    network = Hypnogram([0, 0, 1, -1, -2, -2, 1, 2, 0, 1], epoch_s=60)
    return {"human": human, "cnn-bilstm": network, "second": Hypnogram([0, 1, 1, 1, -2, -2, -1, 2, 0, 0], epoch_s=60)}


def test_scorers_are_stacked_from_network_to_human(session):
    figure = plot_hypnogram(session, "Ms1", notes={"second": "kappa 0.50"})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:3] == ["CNN-BiLSTM", "second: kappa 0.50", "Human"]
    for axes, scorer in zip(figure.axes, ["cnn-bilstm", "second", "human"], strict=False):
        for label, name in enumerate(NAMES):
            bouts = session[scorer].bouts()
            bouts = bouts[bouts["state"] == name]
            expected = [
                (start / 60, (start + length) / 60) for start, length in bouts[["start_s", "duration_s"]].values
            ]
            assert spans(axes, name) == expected
            (block,) = [each for each in axes.findobj(PolyCollection) if each.get_label() == name]
            assert {(path.get_extents().y0, path.get_extents().y1) for path in block.get_paths()} == {
                (label, label + 1)
            }
            assert tuple(block.get_facecolor()[0][:3]) == pytest.approx(state_colours([name])[0])


def test_gaps_are_shown_by_kind(session):
    figure = plot_hypnogram(session, "Ms1")
    human = figure.axes[2]
    assert spans(human, "unscored") == [(3, 4)]
    assert spans(human, "pause") == [(4, 6)]
    looks = {each.get_label(): each for each in human.findobj(PolyCollection)}
    assert looks["pause"].get_hatch() and not looks["unscored"].get_hatch()
    assert {"not scored", "pause between recordings"} <= {*texts(figure)}
    without = plot_hypnogram({"human": Hypnogram([0, 1, 2])}, "Ms1")
    assert not says(without, "pause") and not says(without, "not scored")


def test_disagreements_are_marked_and_counted(session):
    figure = plot_hypnogram(session, "Ms1")
    strip = figure.axes[3]
    assert strip.get_title(loc="left") == "Network and human disagree: 2 of 7 epochs (28.6 %)"
    assert spans(strip, "disagree") == [(1, 2), (9, 10)]


def test_probabilities_are_stacked_and_blank_in_gaps(session, rng):
    probabilities = rng.dirichlet(np.ones(3), size=10)
    probabilities[3:6] = np.nan
    axes = plot_hypnogram(session, "Ms1", probabilities).axes[-1]
    steps = {patch.get_label(): patch.get_data() for patch in axes.findobj(StepPatch)}
    assert list(steps) == NAMES
    bottom = np.where(np.isnan(probabilities[:, 0]), np.nan, 0)
    for column, name in enumerate(NAMES):
        np.testing.assert_allclose(steps[name].baseline, bottom)
        np.testing.assert_allclose(steps[name].values - steps[name].baseline, probabilities[:, column])
        np.testing.assert_allclose(steps[name].edges, np.arange(11))
        bottom = steps[name].values
    np.testing.assert_allclose(bottom[:3], 1)


def test_a_session_starts_where_it_starts_and_counts_hours():
    human = Hypnogram([0] * 1080, start_s=1800)
    axes = plot_hypnogram({"human": human}, "Ms1").axes[0]
    assert axes.get_xlim() == (0.5, 3.5)
    assert axes.get_xticks().tolist() == [0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert axes.get_xlabel() == "Time (h)"
    assert plot_hypnogram({"human": Hypnogram([0] * 359)}, "Ms1").axes[0].get_xlabel() == "Time (min)"


@pytest.mark.parametrize(
    ("end", "unit"), [(0.5, "min"), (12.5, "min"), (59.9, "min"), (1, "h"), (3.05, "h"), (200, "h")]
)
def test_ticks_are_few_and_on_round_times(end, unit):
    ticks = time_ticks(0, end, unit)
    assert 2 <= len(ticks) <= 11
    assert ticks[0] == 0 and ticks[-1] <= end
    assert all(2 * tick == round(2 * tick) for tick in ticks)


def test_hypnograms_of_little_or_nothing_say_so():
    nothing = plot_hypnogram({}, "Ms7")
    assert says(nothing, "no scored epochs of Ms7")
    artefacts = {name: Hypnogram([-1, -1, -1]) for name in ("cnn-bilstm", "human")}
    figure = plot_hypnogram(artefacts, "Ms1", np.full((3, 3), np.nan))
    assert says(figure, "disagree: no epoch has both scores")
    assert says(figure, "no Wake, no NREM, no REM")
    assert says(figure, "no scored epochs")
    assert says(plot_hypnogram({"human": Hypnogram([0, 1], names=["wake", "sleep"])}, "Ms1"), "Sleep")
    assert says(plot_hypnogram({"human": Hypnogram([])}, "Ms1"), "no epochs")


def test_many_scorers_fit_on_a_page():
    scorers = {f"scorer {number}": Hypnogram([0, 1, 2] * 40) for number in range(12)}
    for figure in (
        plot_hypnogram({**scorers, "human": Hypnogram([0] * 120)}, "Ms1"),
        plot_raters({**scorers, "human": Hypnogram([0] * 120)}, list(scorers), "Ms1"),
    ):
        assert figure.get_figheight() * 25.4 <= PAGE_HEIGHT_MM + 1e-6


def test_raters_are_compared_with_the_human(session):
    figure = plot_raters(session, ["second"], "Ms1", {"second": "kappa 0.90 (0.80 to 1.00)"})
    human, second, strip, matrix = figure.axes
    assert [human.get_title(loc="left"), second.get_title(loc="left")] == ["Human", "second"]
    assert strip.get_title(loc="left") == "second and human disagree: 0 of 6 epochs (0.0 %)"
    assert matrix.get_title() == "kappa 0.90 (0.80 to 1.00)"
    cells = [text.get_text() for text in matrix.texts]
    assert cells == ["3\n100 %", "0\n0 %", "0\n0 %", "0\n0 %", "2\n100 %", "0\n0 %", "0\n0 %", "0\n0 %", "1\n100 %"]
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == ("second", "Human")


def test_a_rater_without_scores_is_named(session):
    figure = plot_raters(session, ["second", "third"], "Ms1")
    assert says(figure, "third:\nno scores of Ms1")
    assert len(figure.axes) == 5
    assert says(plot_raters({}, ["second"], "Ms1"), "no scored epochs of Ms1")
    apart = plot_raters({"human": Hypnogram([0, -1]), "second": Hypnogram([-1, 0])}, ["second"], "Ms1")
    assert says(apart, "no epoch has both scores")
    assert texts(apart).count("no examples") == 3


@pytest.fixture
def scored(rng):
    """Three mice by human and network, the first by a third scorer as well."""
    hypnograms = {}
    for mouse in ("Ms1", "Ms2", "Ms3"):
        truth = np.repeat(rng.integers(-1, 3, 80), rng.integers(1, 9, 80))
        hypnograms[mouse] = {"cnn-bilstm": Hypnogram(np.roll(truth, 2)), "human": Hypnogram(truth)}
    hypnograms["Ms1"]["second rater"] = hypnograms["Ms1"]["human"]
    return hypnograms


def dots(axes, scorer):
    return [line for line in axes.get_lines() if line.get_label() == scorer]


@pytest.mark.parametrize("counting", ["gaps-end-bouts", "published"])
def test_fragmentation_shows_the_tables(scored, counting):
    fragmentation, bouts, transitions = of_counting(scored, counting)
    figure = plot_fragmentation(fragmentation, bouts, transitions)
    assert says(figure, "3 mice; " + ("bouts end at gaps" if counting == "gaps-end-bouts" else "counted across gaps"))
    panels = [*NAMES, "all"]
    for axes, state in zip(figure.axes[1:5], panels, strict=True):
        column = "n_transitions" if state == "all" else "mean_bout_s"
        for scorer in ("human", "cnn-bilstm", "second rater"):
            rows = fragmentation[(fragmentation["state"] == state) & (fragmentation["scorer"] == scorer)]
            ((_, y),) = [line.get_data() for line in dots(axes, scorer)]
            assert y.tolist() == rows[column].tolist()
    for axes, state in zip(figure.axes[5:8], NAMES, strict=True):
        lengths = bouts[(bouts["state"] == state) & (bouts["scorer"] == "human")]["duration_s"]
        (line,) = dots(axes, "Human")
        for length, share in zip(*line.get_data(), strict=True):
            assert share == pytest.approx((lengths >= length).mean()) or (length == lengths.max() and share == 0)
    last = figure.axes[8]
    pairs = [label.get_text() for label in last.get_xticklabels()]
    assert pairs[0] == "Wake to NREM" and len(pairs) == 6
    rows = transitions.query("scorer == 'human'").groupby("mouse", sort=False)["probability"].apply(list)
    shown = [line.get_ydata().tolist() for line in dots(last, "human")]
    np.testing.assert_allclose(np.transpose(shown), np.array(rows.tolist()))


def test_long_and_short_bouts_have_a_logarithmic_axis():
    short, long = Hypnogram([0, 1] * 30), Hypnogram([0] * 300 + [1] * 300)
    scales = [plot_fragmentation(*of_counting({"Ms1": {"human": h}})).axes[1].get_yscale() for h in (short, long)]
    assert scales == ["linear", "linear"]
    assert plot_fragmentation(*of_counting({"a": {"human": short}, "b": {"human": long}})).axes[1].get_yscale() == "log"


def test_fragmentation_of_little_or_nothing_says_so(scored):
    tables = fragmentation_tables(scored)
    with pytest.raises(ValueError, match="2 ways of counting"):
        plot_fragmentation(*tables)
    assert says(plot_fragmentation(*(table[:0] for table in tables)), "no scored epochs")
    figure = plot_fragmentation(
        *of_counting({"Ms1": {"human": Hypnogram([0, 1, 1]), "cnn-bilstm": Hypnogram([0] * 3)}})
    )
    assert says(figure, "1 mouse; ")
    assert texts(figure).count("no bout of REM") == 2
    assert "none" in texts(figure)  # the network has no NREM bout where the human has one
    assert says(figure, "REM\nnever left")
    artefacts = plot_fragmentation(*of_counting({"Ms1": {"human": Hypnogram([-1, -1, -1])}}))
    assert texts(artefacts).count("no bout of Wake") == 2


@pytest.mark.filterwarnings("error:constrained_layout")
@pytest.mark.parametrize("n_scorers", [1, 3, 6])
def test_panels_of_fragmentation_do_not_overlap(rng, n_scorers):
    names = ["human", "cnn-bilstm", "second rater", "AccuSleePy 0.9", "a fifth", "a sixth"][:n_scorers]
    runs = {
        name: np.repeat(rng.integers(0, 3, 60), rng.integers(1, 1 + 15 * (4 - k % 3), 60))
        for k, name in enumerate(names)
    }
    figure = plot_fragmentation(*of_counting({f"Ms{k}": {n: Hypnogram(s) for n, s in runs.items()} for k in range(12)}))
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes.append(figure.texts[0].get_window_extent())
    for one, other in combinations(boxes, 2):
        width = min(one.x1, other.x1) - max(one.x0, other.x0)
        height = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert width < 1 or height < 1


def test_confusion_gives_accuracy_and_kappa():
    assert says(plot_confusion([0, 0, 1, 2], [0, 1, 1, 2], NAMES), "4 test epochs: accuracy 0.75, kappa 0.64")
    assert says(plot_confusion([1, 1], [1, 1], NAMES), "2 test epochs: accuracy 1.00, kappa not defined")
    assert says(plot_confusion([], [], NAMES), "no test epochs")


def test_performance_writes_the_interval(rng):
    table = metrics_table(predictions_of(rng, ["Ms1", "Ms2", "Ms3"]), NAMES, 100, 0)
    row = table[(table["level"] == "pooled") & (table["metric"] == "kappa")].iloc[0]
    assert says(plot_performance(table), f"{row['value']:.2f}\n{row['ci_low']:.2f} to {row['ci_high']:.2f}")
    two = metrics_table(predictions_of(rng, ["Ms1", "Ms2"]), NAMES, 100, 0)
    assert says(plot_performance(two), "no interval:\n2 mice")


def kappas_of(pooled, mice):
    """metrics.tsv of nothing but kappas: pooled and of each mouse, as (value, low, high)."""
    rows = [("pooled", "all", *pooled), *(("mouse", f"Ms{number}", *row) for number, row in enumerate(mice))]
    return pd.DataFrame(
        [(level, unit, "kappa", "", value, low, high, 90, "9 bouts") for level, unit, value, low, high in rows],
        columns=METRICS,
    )


def test_performance_marks_and_names_a_kappa_no_better_than_chance():
    chance, skilled, unknown = (0.1, -0.1, 0.3), (0.6, 0.5, 0.7), (0.4, np.nan, np.nan)
    figure = plot_performance(kappas_of(chance, [chance, skilled, unknown]))
    assert says(figure, "0.10\n-0.10 to 0.30\nno better\nthan chance")
    assert says(figure, "the same, kappa: no better than chance")
    assert says(figure, "the same, kappa: no interval")
    drawn = {line.get_ydata()[0]: line for line in figure.axes[0].get_lines() if len(line.get_ydata()) == 1}
    assert [drawn[value].get_marker() for value in (0.6, 0.4)] == ["o", "+"]
    # Of the two at 0.1 the pooled one was drawn last.
    assert (drawn[0.1].get_marker(), drawn[0.1].get_markerfacecolor()) == ("D", "white")
    assert "x" in [line.get_marker() for line in figure.axes[0].get_lines() if list(line.get_ydata()) == [0.1]]
    figure = plot_performance(kappas_of(skilled, [skilled]))
    assert not says(figure, "chance")
    assert not says(figure, "no interval")


def test_losses_of_very_different_size_have_a_logarithmic_axis():
    history = pd.DataFrame({"fold": 1, "pass": [1, 2], "loss": [1.0, 0.5], "val_loss": [1.0, 0.5]})
    history = history.assign(kappa=0.1, val_kappa=0.2)
    for smallest, scale in ((0.5, "linear"), (0.001, "log"), (0.0, "linear")):
        figure = plot_learning_curves(history.assign(loss=[1.0, smallest]))
        assert [axes.get_yscale() for axes in figure.axes] == [scale, "linear"]


# What dichromats see, as linear RGB: Machado, Oliveira & Fernandes 2009, severity 1.
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def differences(colours, matrix):
    """CIEDE2000 of every pair of colours as seen through the matrix; 2 is just noticeable."""
    rgb = np.array(colours)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(matrix), 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    return [float(deltaE_ciede2000(one, other)) for one, other in combinations(lab, 2)]


# What is left in grey print: the luminance of sRGB (Rec. 709), whatever the hue.
GREY = [[0.2126, 0.7152, 0.0722]] * 3


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("kind", DICHROMATS)
def test_colours_of_states_and_gaps_stay_apart_for_the_colour_blind(kind, name):
    with palette(name):
        colours = state_colours(NAMES)
    assert min(differences([*colours, to_rgb(GAP_COLOUR)], DICHROMATS[kind])) > 10


def test_the_palette_for_the_colour_blind_stays_apart_in_grey_and_better_than_the_published_one():
    def smallest(name):
        colours = [*PALETTES[name].values()][:3]
        return [min(differences([*colours, to_rgb(GAP_COLOUR)], seen)) for seen in (*DICHROMATS.values(), GREY)]

    assert min(smallest("colour-blind")) > 10 > 6 > min(smallest("published"))


def colours_of(figure):
    """Every colour in a figure's SVG."""
    file = io.StringIO()
    figure.savefig(file, format="svg")
    return set(re.findall("#[0-9a-f]{6}", file.getvalue()))


def test_every_figure_takes_the_states_colours_from_the_palette(session, rng):
    """Attention as well: with another palette no colour of the published one is left."""
    weights, states = rng.dirichlet(np.ones(34), 9), np.repeat([0, 1, 2], 3)
    predicted = pd.DataFrame(
        {"mouse": "a", "recording": "a-fc1", "epoch": range(9), "y_true": states, "y_pred": states}
    )
    folds = pd.DataFrame({"fold": 1, "split": np.repeat(SPLITS, 3), "state": NAMES * 3, "epochs": 9})
    draw = [
        lambda: plot_folds(folds, NAMES),
        lambda: plot_hypnogram(session, "Ms1", np.tile([0.2, 0.3, 0.5], (10, 1))),
        lambda: plot_performance(metrics_table(predictions_of(rng, ["Ms1"]), NAMES, 10, 0)),
        lambda: plot_recordings(quality_of(rng, 1, 1)),
        lambda: plot_attention_time_course(weights, states, NAMES, 2),
        lambda: plot_attention_distribution(weights, states, NAMES),
        lambda: plot_attention_session(weights, np.arange(9) * 10.0, states, NAMES, "Ms1"),
        lambda: plot_transition_distance(transition_distance_table(predicted, {("a", "a-fc1"): states}, NAMES), NAMES),
    ]
    for plot in draw:
        for name, other in (("published", "colour-blind"), ("colour-blind", "published")):
            with palette(name):
                shown = colours_of(plot())
            assert {*map(to_hex, PALETTES[name].values())} <= shown
            assert not {*map(to_hex, PALETTES[other].values())} & shown


def test_the_check_of_colours_can_fail():
    # Red and green of equal lightness are one to a deuteranope; a middle grey and REM's green are, too.
    assert min(differences([(0.7, 0.3, 0.2), (0.45, 0.43, 0.17)], DICHROMATS["deuteranopia"])) < 10
    assert min(differences([state_colours(["rem"])[0], to_rgb("0.6")], DICHROMATS["deuteranopia"])) < 2


def test_states_are_told_apart_by_place_as_well(session):
    """Height in hypnograms and order in the stack of probabilities: no figure of sleep relies on colour alone."""
    figure = plot_hypnogram(session, "Ms1", np.tile([0.2, 0.3, 0.5], (10, 1)))
    heights = [
        min(
            path.get_extents().y0
            for each in figure.axes[2].findobj(PolyCollection)
            if each.get_label() == name
            for path in each.get_paths()
        )
        for name in NAMES
    ]
    assert heights == [0, 1, 2]
    tops = [patch.get_data().values[0] for patch in figure.axes[-1].findobj(StepPatch)]
    assert tops == pytest.approx([0.2, 0.5, 1.0])


def test_published_counting_is_what_the_builders_give(rng):
    tables = fragmentation_of(predictions_of(rng, ["Ms1", "Ms2"]))
    assert [set(table["counting"]) for table in tables] == [{"published"}] * 3
