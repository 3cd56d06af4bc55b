"""Several networks beside the human: their names, what a configuration may ask for, and what figures show of them."""

import numpy as np
import pytest
from made_up import NAMES

from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.links import link_table
from wfci_sleep.analysis.networks import is_network, network_names, title_of
from wfci_sleep.analysis.sleep_tables import fragmentation_tables
from wfci_sleep.errors import InputError
from wfci_sleep.figures.fragmentation import plot_fragmentation
from wfci_sleep.figures.gradcam_links import plot_gradcam_links
from wfci_sleep.figures.hypnogram import plot_hypnogram
from wfci_sleep.run.settings import resolve
from wfci_sleep.scoring.explanations import MouseMaps, link_masks

TOGETHER = {
    "one": (["cnn-bilstm"], ["CNN-BiLSTM"]),
    "two kinds": (["cnn-bilstm", "mvg-cnn"], ["CNN-BiLSTM", "MVG-CNN"]),
    "a kind twice": (["cnn-bilstm", "cnn-bilstm"], ["CNN-BiLSTM (e0)", "CNN-BiLSTM (e1)"]),
    "three": (["cnn-bilstm", "cnn-bilstm", "mvg-cnn"], ["CNN-BiLSTM (e0)", "CNN-BiLSTM (e1)", "MVG-CNN"]),
}


def raters_of(kinds):
    """Names among the raters of networks of these kinds, of the experiments e0, e1 and so on."""
    return list(network_names({f"e{number}": kind for number, kind in enumerate(kinds)}).values())


def hypnograms_of(rng, networks):
    """Hypnograms of 60 epochs by these networks, the human and a further rater."""
    return {rater: Hypnogram(rng.integers(0, 3, 60)) for rater in (*networks, "human", "second rater")}


@pytest.mark.parametrize("together", TOGETHER)
def test_names_are_different_and_known_as_networks(together):
    kinds, titles = TOGETHER[together]
    raters = raters_of(kinds)
    assert len(set(raters)) == len(kinds)
    assert all(map(is_network, raters))
    assert [*map(title_of, raters)] == titles


@pytest.mark.parametrize("together", TOGETHER)
def test_hypnograms_stand_in_the_published_order(rng, together):
    kinds, titles = TOGETHER[together]
    figure = plot_hypnogram(hypnograms_of(rng, raters_of(kinds)), "Ms1", rng.dirichlet(np.ones(3), 60))
    shown = [axes.get_title(loc="left") for axes in figure.axes]
    assert shown[: len(kinds) + 2] == [*titles, "second rater", "Human"]
    strips = shown[len(kinds) + 2 : -1]
    names = titles if len(titles) > 1 else ["Network"]
    assert [strip.partition(" and human disagree: ")[0] for strip in strips] == names
    assert (titles[0] if len(titles) > 1 else "the network") in shown[-1]


@pytest.mark.parametrize("together", TOGETHER)
def test_names_below_panels_of_fragmentation_do_not_overlap(rng, together):
    raters = raters_of(TOGETHER[together][0])
    tables = fragmentation_tables({mouse: hypnograms_of(rng, raters) for mouse in ("Ms1", "Ms2", "Ms3")})
    figure = plot_fragmentation(*(table[table["counting"] == "published"] for table in tables))
    figure.draw_without_rendering()
    for axes in figure.axes[1:5]:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert len(boxes) == len(raters) + 2
        assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:], strict=False))


REFUSED = {
    "unknown": (
        {},
        ["other"],
        "analysis.networks names other, no experiment of this configuration, expected of graphs",
    ),
    "itself": ({}, ["main"], "analysis.networks names main, the experiment itself, expected of graphs"),
    "other states": ({"labels": {"classes": ["wake", "sleep"]}}, ["graphs"], "whose labels are others than its own"),
    "other folds": ({"folds": {"protocol": "pooled"}}, ["graphs"], "whose folds are others than its own"),
    "twice": ({}, ["graphs", "graphs"], "experiments.main.analysis.networks is "),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_networks_that_cannot_be_shown_together_are_refused(mistake):
    changes, networks, message = REFUSED[mistake]
    experiments = {
        "main": {"analysis": {"networks": networks}},
        "graphs": {"model": {"kind": "mvg-cnn"}, **changes},
    }
    config = {"run": {"name": "a"}, "dataset": {"source": "synthetic"}, "experiments": experiments}
    with pytest.raises(InputError) as caught:
        resolve(config, "mine.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("model", "filters", [4]), ("model", "lstm_units", 4), ("windows", "hemisphere", "left")],
)
def test_a_setting_of_another_kind_is_refused_with_experiment_and_key(section, key, value):
    changes = {"model": {"kind": "mvg-cnn"}}
    changes[section] = {**changes.get(section, {}), key: value}
    config = {"run": {"name": "a"}, "dataset": {"source": "synthetic"}, "experiments": {"graphs": changes}}
    message = f"^mine.yaml: experiment graphs: {section}.{key} is no setting of the network MVG-CNN, expected one of "
    with pytest.raises(InputError, match=message):
        resolve(config, "mine.yaml")


@pytest.mark.parametrize("n_mice", [2, 3])
def test_intervals_of_links_are_drawn_as_they_are(n_mice):
    """One mouse with heat everywhere and others without: the t interval reaches below 0 and above 1."""
    mice = [f"Ms{number}" for number in range(n_mice)]
    maps = np.zeros((n_mice, 3, 8, 8), np.float32)
    maps[0] = 1
    examples = np.full((n_mice, 3), 5)
    maps[-1, 2], examples[-1, 2] = np.nan, 0
    found = MouseMaps(mice, NAMES, maps, examples, np.stack([*link_masks(mice, 8).values()]))
    figure = plot_gradcam_links(found, link_table(found))
    lines = next(axes for axes in figure.axes if axes.get_xlabel().startswith("Time between"))
    said = [text.get_text() for text in lines.get_legend().get_texts()]
    states = [f"Wake (mice: {n_mice})", f"NREM (mice: {n_mice})", f"REM (mice: {n_mice - 1})"]
    intervals = "95 % t interval of the mean, from 3 mice on" if n_mice > 2 else "fewer than 3 mice: no interval"
    assert said == [*states, intervals]
    assert len(lines.collections) == (2 if n_mice > 2 else 0)
    for each in lines.collections:
        edges = each.get_paths()[0].vertices[:, 1]
        assert edges.min() < 0 and edges.max() > 1
        assert lines.get_ylim()[0] <= edges.min() and edges.max() <= lines.get_ylim()[1]
