"""Further raters beside the human: where they disagree, and which states they confuse."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.analysis.agreement import pair_kappa_in_words
from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.data.names import HUMAN
from wfci_sleep.figures.confusion import confusion_counts, draw_confusion
from wfci_sleep.figures.hypnogram import (
    draw_disagreements,
    draw_hypnogram,
    legend_handles,
    rater_title,
    read_session,
    set_time_axis,
)
from wfci_sleep.figures.style import PAGE_HEIGHT_MM, TWO_COLUMNS_MM, Named, new_figure, say, styled
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import AGREEMENT

_TITLE_WIDTH = 29
"""Characters of a line above a matrix."""

_HUMAN_MM, _RATER_MM, _STRIP_MM, _MARGIN_MM = 26.0, 32.0, 12.0, 16.0


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the human and the further raters `scorers` of the mouse `mouse`, and how well they agree."""
    hypnograms, _, _ = read_session(inputs, params)
    agreement = read_table(inputs.agreement, AGREEMENT)
    notes = {rater: pair_kappa_in_words(agreement, params.mouse, HUMAN, rater) for rater in params.scorers}
    return plot_raters(hypnograms, params.scorers, params.mouse, notes)


@styled
def plot_raters(
    hypnograms: Mapping[str, Hypnogram], raters: Sequence[str], title: str, notes: Mapping[str, str] | None = None
) -> Figure:
    """Draw the human's hypnogram of one mouse and those of further raters, and how well each agrees with the human.

    Parameters
    ----------
    hypnograms : mapping of str to Hypnogram
        Rater -> hypnogram, `human` among them; all cover the same time.
    raters : sequence of str
        The further raters; a line names those without a hypnogram.
    title : str
        Title of the figure, e.g. the mouse.
    notes : mapping of str to str, optional
        Further rater -> title of its confusion matrix, e.g. `"kappa 0.65 (0.58 to 0.72)"`.

    Returns
    -------
    Figure
        The human at the top; below, for each further rater, its hypnogram, a strip with a mark for each epoch in which
        it and the human disagree, and beside them the confusion matrix of the two.
    """
    hypnograms = {rater: hypnograms[rater] for rater in (HUMAN, *raters) if rater in hypnograms}
    compared = [rater for rater in raters if {HUMAN, rater} <= {*hypnograms}]
    heights = [_HUMAN_MM] + [_RATER_MM, _STRIP_MM] * len(compared)
    figure = new_figure(TWO_COLUMNS_MM, min(PAGE_HEIGHT_MM, _MARGIN_MM + sum(heights)))
    figure.suptitle(title, x=0.02, ha="left")
    grid = figure.add_gridspec(len(heights), 2, width_ratios=[3, 1], height_ratios=heights)
    top = figure.add_subplot(grid[0, 0])
    panels = [top] + [figure.add_subplot(grid[row, 0], sharex=top) for row in range(1, len(heights))]
    _, unit_s = set_time_axis(panels[-1], hypnograms)
    for axes in panels[:-1]:
        axes.tick_params(axis="x", labelbottom=False)
    if HUMAN in hypnograms:
        draw_hypnogram(top, hypnograms[HUMAN], unit_s)
        top.set_title(rater_title(HUMAN, hypnograms[HUMAN]), loc="left")
    else:
        say(top, f"no scored epochs of {title}")
        top.set(xticks=[], yticks=[])
    for number, rater in enumerate(compared):
        own, strip = panels[1 + 2 * number : 3 + 2 * number]
        draw_hypnogram(own, hypnograms[rater], unit_s)
        own.set_title(rater_title(rater, hypnograms[rater]), loc="left")
        words = draw_disagreements(strip, hypnograms[rater], hypnograms[HUMAN], unit_s)
        strip.set_title(f"{rater} and human disagree: {words}", loc="left")
        matrix = figure.add_subplot(grid[1 + 2 * number : 3 + 2 * number, 1])
        _draw_pair(matrix, hypnograms[HUMAN], hypnograms[rater], rater)
        matrix.set_title(textwrap.fill((notes or {}).get(rater, ""), _TITLE_WIDTH))
    missing = [f"{rater}:\nno scores of {title}" for rater in raters if rater not in hypnograms]
    if missing:
        beside = figure.add_subplot(grid[0, 1])
        beside.set_axis_off()
        say(beside, "\n\n".join(missing))
    figure.legend(handles=legend_handles(hypnograms), loc="outside upper right", ncols=6, handlelength=1.2)
    return figure


def _draw_pair(axes: Axes, human: Hypnogram, other: Hypnogram, rater: str) -> None:
    """Draw the confusion matrix of the epochs to which both gave a state."""
    common = (human.states >= 0) & (other.states >= 0)
    counts = confusion_counts(human.states[common], other.states[common], len(human.names))
    draw_confusion(axes, counts, human.names, "{:.0f} %", annot_kws={"size": 7})
    axes.set(xlabel=rater, ylabel="Human")
