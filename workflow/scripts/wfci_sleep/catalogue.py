"""The catalogue of figures and tables: one entry each, from which everything that names them is made.

The rules, the targets, the report, the README's table, the RO-Crate and the profiles of clusters read it. A new figure
is a module in `figures/`, a caption in `workflow/report/` and an entry here. No step that draws imports this module, so
a new entry draws no other figure again.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOUND = "1. Are the recordings sound?"
AGREEMENT = "2. Does the network agree with the raters?"
SLEEP = "3. How does the mouse sleep?"
LOOK = "4. Where and when does the network look?"
COMPARISON = "5. How does it compare with the paper?"

QUESTIONS = (SOUND, AGREEMENT, SLEEP, LOOK, COMPARISON)
"""The questions that the report answers: its categories, which it sorts by name."""

WITHOUT = {
    "sessions": "folds.protocol is pooled, and a random tenth of the epochs is no session",
    "frames": "its network sees no frames",
    "graphs": "its network sees no visibility graphs",
    "attention": "its network has no attention over time",
    "learnt_attention": "model.temporal_attention is mean, which weighs every frame alike",
    "training": "training.passes is 0, and networks score with the given weights, untrained",
    "scorers": "analysis.scorers is empty: it names the tables of further raters",
}
"""What a figure or table may need -> why it has no meaning without."""

ATTENTION = ("attention", "learnt_attention")
"""What figures of attention over time need."""


@dataclass(frozen=True)
class Figure:
    """What the workflow has to know of a figure.

    Attributes
    ----------
    name : str
        The figure's file is `<name>.svg`, its rule `plot_<name>`, its target `figure_<name>`.
    shows : str
        What the figure shows, a phrase without a full stop.
    question : str
        The category of the report, one of `QUESTIONS`.
    label : str
        What the report calls the figure.
    inputs : tuple of str
        Files that the figure is drawn from, by their names in `workflow/rules/common/figures.smk`.
    settings : tuple of str
        Settings that it depends on, by their names there.
    of : {"run", "experiment", "series", "comparison"}
        Whether it shows the recordings, one experiment, a series of experiments of one parcel each, or all experiments.
    each_mouse : bool
        Whether each mouse has a figure of its own, `<name>-<mouse>.svg`.
    needs : tuple of str
        What an experiment must have for the figure to have a meaning, keys of `WITHOUT`.
    drawn_by : str
        Module of `figures/` and function in it; `<name>.draw` unless given.
    caption : str
        Name of the caption in `workflow/report/`, without `.rst`; the figure's name unless given.
    variant : mapping
        What distinguishes figures that share a function: more settings, with their values.
    """

    name: str
    shows: str
    question: str
    label: str
    inputs: tuple[str, ...]
    settings: tuple[str, ...] = ()
    of: str = "experiment"
    each_mouse: bool = False
    needs: tuple[str, ...] = ()
    drawn_by: str = ""
    caption: str = ""
    variant: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drawn_by", self.drawn_by or f"{self.name}.draw")
        object.__setattr__(self, "caption", self.caption or self.name)

    @property
    def module(self) -> str:
        """Full name of the module that draws it."""
        return f"wfci_sleep.figures.{self.drawn_by.partition('.')[0]}"

    @property
    def function(self) -> str:
        """Name of the function in it."""
        return self.drawn_by.partition(".")[2]

    @property
    def stem(self) -> str:
        """Name of its files without suffix; the wildcard `{mouse}` stands for a mouse.

        Examples
        --------
        >>> FIGURES["confusion"].stem, FIGURES["hypnogram"].stem
        ('confusion', 'hypnogram-{mouse}')
        """
        return f"{self.name}-{{mouse}}" if self.each_mouse else self.name


@dataclass(frozen=True)
class Table:
    """What the workflow has to know of a table.

    Attributes
    ----------
    name : str
        The table's file is `<name>.tsv`.
    shows : str
        What the table holds, a phrase without a full stop.
    of : {"run", "experiment", "series", "comparison"}
        As of a figure.
    question : str, optional
        The category of the report; a table without one has no page in the report.
    label : str
        What the report calls the table.
    needs : tuple of str
        What an experiment must have for the table to have a meaning, keys of `WITHOUT`.
    """

    name: str
    shows: str
    of: str = "experiment"
    question: str | None = None
    label: str = ""
    needs: tuple[str, ...] = ()


def _gradcam_figures(method: str, title: str) -> tuple[Figure, ...]:
    """The figures of a method of class activation maps: maps, maps with parcels, areas, links between moments."""
    maps: dict[str, Any] = {
        "question": LOOK,
        "settings": ("classes", "hemisphere", "mice"),
        "needs": ("frames",),
        "drawn_by": "gradcam.draw",
    }
    return (
        Figure(
            method,
            f"{title}, mice by states",
            label=title,
            inputs=("gradcam", "surveys"),
            caption="gradcam",
            variant={"method": method, "outlines": False},
            **maps,
        ),
        Figure(
            f"{method}_atlas",
            f"{title} in even colours, with the outlines of the parcels",
            label=f"{title} with parcels",
            inputs=("gradcam", "surveys", "atlas"),
            caption="gradcam",
            variant={"method": method, "outlines": True},
            **maps,
        ),
        Figure(
            f"{method}_parcels",
            f"{title} by parcel, ranked, with the spread over mice",
            LOOK,
            f"{title} by area",
            inputs=("gradcam_parcels", "atlas"),
            settings=("classes",),
            needs=("frames",),
            drawn_by="gradcam_parcels.draw",
            caption="gradcam_parcels",
            variant={"method": method},
        ),
        Figure(
            f"{method}_links",
            f"{title} of links between near and far moments",
            LOOK,
            f"{title} of links",
            inputs=("gradcam", "gradcam_links"),
            settings=("classes", "palette"),
            needs=("graphs",),
            drawn_by="gradcam_links.draw",
            caption="gradcam_links",
            variant={"method": method},
        ),
    )


_OF_FIGURES = (
    Figure(
        "recordings",
        "Recordings: states, masks, warnings",
        SOUND,
        "recordings",
        inputs=("quality",),
        settings=("palette",),
        of="run",
    ),
    Figure(
        "registration",
        "Registration of mask and atlas",
        SOUND,
        "registration",
        inputs=("surveys", "atlas"),
        of="run",
        each_mouse=True,
    ),
    Figure(
        "folds",
        "States in training, validation and test of each fold",
        AGREEMENT,
        "states in each fold",
        inputs=("fold_states",),
        settings=("classes", "palette"),
    ),
    Figure(
        "confusion",
        "Confusion matrix",
        AGREEMENT,
        "confusion matrix",
        inputs=("predictions",),
        settings=("classes",),
    ),
    Figure(
        "performance",
        "Accuracy, F1 and kappa, pooled and by mouse",
        AGREEMENT,
        "measures",
        inputs=("metrics",),
        settings=("palette",),
    ),
    Figure(
        "reliability",
        "Calibration: accuracy against confidence",
        AGREEMENT,
        "calibration",
        inputs=("predictions",),
        settings=("classes", "analysis"),
    ),
    Figure(
        "transition_distance",
        "Epochs scored correctly, by their distance to the next transition",
        AGREEMENT,
        "near transitions",
        inputs=("transition_distance",),
        settings=("classes", "palette"),
    ),
    Figure(
        "learning",
        "Learning curves of each fold",
        AGREEMENT,
        "learning curves",
        inputs=("history",),
        needs=("training",),
    ),
    Figure(
        "hypnogram",
        "Hypnograms of network and human",
        SLEEP,
        "hypnogram",
        inputs=("networks", "recordings", "scorers", "agreement"),
        settings=("classes", "networks", "scorers", "palette"),
        each_mouse=True,
        needs=("sessions",),
    ),
    Figure(
        "raters",
        "Hypnograms of the human raters",
        SLEEP,
        "human raters",
        inputs=("networks", "recordings", "scorers", "agreement"),
        settings=("classes", "networks", "scorers", "palette"),
        each_mouse=True,
        needs=("sessions", "scorers"),
    ),
    Figure(
        "fragmentation",
        "Fragmentation of sleep: bouts and transitions",
        SLEEP,
        "fragmentation",
        inputs=("fragmentation", "bouts", "transitions"),
        needs=("sessions",),
        variant={"counting": "gaps-end-bouts"},
    ),
    Figure(
        "fragmentation_published",
        "Fragmentation of sleep, counted across gaps as in the paper",
        SLEEP,
        "fragmentation, counted as published",
        inputs=("fragmentation", "bouts", "transitions"),
        needs=("sessions",),
        drawn_by="fragmentation.draw",
        caption="fragmentation",
        variant={"counting": "published"},
    ),
    *_gradcam_figures("gradcam", "Grad-CAM"),
    *_gradcam_figures("gradcam_plus_plus", "Grad-CAM++"),
    Figure(
        "attention_time_course",
        "Attention over the window",
        LOOK,
        "attention over the window",
        inputs=("attention",),
        settings=("classes", "palette"),
        needs=ATTENTION,
        drawn_by="attention.draw_time_course",
    ),
    Figure(
        "attention_distribution",
        "Distribution of attention",
        LOOK,
        "distribution of attention",
        inputs=("attention",),
        settings=("classes", "palette"),
        needs=ATTENTION,
        drawn_by="attention.draw_distribution",
    ),
    Figure(
        "attention_transitions",
        "Attention near transitions",
        LOOK,
        "attention near transitions",
        inputs=("attention", "recordings"),
        settings=("classes",),
        needs=("sessions", *ATTENTION),
        drawn_by="attention.draw_transitions",
    ),
    Figure(
        "attention_session",
        "Attention over the session",
        LOOK,
        "attention over the session",
        inputs=("attention", "recordings"),
        settings=("classes", "palette"),
        each_mouse=True,
        needs=("sessions", *ATTENTION),
        drawn_by="attention.draw_session",
    ),
    Figure(
        "parcel_scores",
        "How well each parcel of the cortex alone tells the states apart",
        LOOK,
        "each parcel alone",
        inputs=("parcel_scores", "atlas"),
        settings=("classes_of_series",),
        of="series",
    ),
    Figure(
        "published",
        "The published numbers beside ours",
        COMPARISON,
        "published numbers",
        inputs=("published",),
        of="comparison",
    ),
    Figure(
        "comparison",
        "The experiments beside each other, mouse by mouse",
        COMPARISON,
        "experiments, mouse by mouse",
        inputs=("metrics_of_experiments",),
        settings=("experiments", "reference"),
        of="comparison",
    ),
    Figure(
        "window_length",
        "F1 and kappa by length of the window",
        COMPARISON,
        "length of the window",
        inputs=("metrics_of_lengths",),
        settings=("sweeps",),
        of="comparison",
    ),
)

FIGURES = {figure.name: figure for figure in _OF_FIGURES}
"""Name -> figure, in the order of the report's questions."""


def figure_of(path: str | os.PathLike[str]) -> Figure:
    """The figure that a file shows: its name up to the first hyphen, which no figure's name has.

    Examples
    --------
    >>> figure_of("main/figures/hypnogram-Ms-2.svg").label, figure_of("figures/gradcam_atlas.png").label
    ('hypnogram', 'Grad-CAM with parcels')
    """
    return FIGURES[Path(path).stem.partition("-")[0]]


_OF_TABLES = (
    Table("recordings", "Recordings of the run, with their checksums", "run"),
    Table("quality", "Recordings, checked: sizes, states, warnings", "run", SOUND, "recordings, checked"),
    Table(
        "folds-states",
        "Epochs of each state in every split of each fold",
        question=AGREEMENT,
        label="states in each fold",
    ),
    Table(
        "metrics",
        "Measures of agreement with the scores, pooled, by fold and by mouse, with confidence intervals",
        question=AGREEMENT,
        label="measures",
    ),
    Table("agreement", "Agreement of every two raters", question=AGREEMENT, label="agreement of raters"),
    Table(
        "transition_distance",
        "Epochs scored correctly, by their distance to the next transition",
        question=AGREEMENT,
        label="by distance to the next transition",
    ),
    Table("sleep", "Time in each state, REM latency, fragmentation index", question=SLEEP, label="sleep of each mouse"),
    Table("fragmentation", "Bouts and transitions by mouse and rater", question=SLEEP, label="fragmentation"),
    Table("bouts", "Every bout of every mouse and rater"),
    Table("transitions", "Transitions from each state to each other one", question=SLEEP, label="transitions"),
    Table(
        "gradcam_parcels",
        "Grad-CAM and Grad-CAM++ by parcel of the atlas",
        question=LOOK,
        label="class activation by parcel",
        needs=("frames",),
    ),
    Table(
        "gradcam_links",
        "Grad-CAM and Grad-CAM++ of links, by the time between their two moments",
        needs=("graphs",),
    ),
    Table("parcel_scores", "Measures of networks that see one parcel each", "series"),
    Table("published", "The published numbers beside ours", "comparison", COMPARISON, "beside the published numbers"),
    Table(
        "comparison",
        "The experiments beside each other, over mice",
        "comparison",
        COMPARISON,
        "experiments beside each other",
    ),
)

TABLES = {table.name: table for table in _OF_TABLES}
"""Name -> table, in the order of the report's questions."""
