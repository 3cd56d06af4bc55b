"""How well the network scores: each metric pooled, with its confidence interval, and mouse by mouse."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wfci_sleep.figures.style import TWO_COLUMNS_MM, new_figure, styled
from wfci_sleep.states import BY_NAME

_OVERALL = (("accuracy", "Accuracy"), ("f1_weighted", "Weighted F1"), ("kappa", "Cohen's kappa"))

_SPREAD = 0.22


@styled
def plot_performance(metrics: pd.DataFrame) -> Figure:
    """Draw accuracy, weighted F1, kappa and the F1 of each state.

    Parameters
    ----------
    metrics : table with columns level, unit, metric, state, value, ci_low, ci_high
        As in metrics.tsv; rows of level `pooled` and `mouse` are drawn.

    Returns
    -------
    Figure
        For each metric the pooled value with its confidence interval, and a dot for each mouse beside it, always in the
        same order from left to right; the pooled value in words below.
    """
    metrics = metrics.assign(state=metrics["state"].fillna(""))
    states = [name for name in BY_NAME if (metrics["state"] == name).any()]
    columns = [(metric, "", title, "0.2") for metric, title in _OVERALL]
    columns += [("f1", name, f"F1 {BY_NAME[name].title}", BY_NAME[name].colour) for name in states]
    figure = new_figure(TWO_COLUMNS_MM, 75)
    axes = figure.subplots()
    mice = metrics.loc[metrics["level"] == "mouse", "unit"].unique()
    places = _offsets(len(mice))
    lowest = 0.0
    labels = [title for _, _, title, _ in columns]
    for x, (metric, state, _, colour) in enumerate(columns):
        rows = metrics[(metrics["metric"] == metric) & (metrics["state"] == state)].dropna(subset="value")
        pooled = rows[rows["level"] == "pooled"]
        values = rows[rows["level"] == "mouse"].set_index("unit")["value"].reindex(mice).to_numpy(dtype=float)
        axes.plot(x + places, values, "o", ms=3.5, mfc="none", mec=colour, mew=0.7, ls="none")
        for _, row in pooled.iterrows():
            # A metric of few epochs may come without an interval: NaN draws the value alone.
            axes.plot([x, x], [row["ci_low"], row["ci_high"]], color=colour, lw=2.5, solid_capstyle="butt")
            axes.plot(x, row["value"], "D", ms=4, color=colour, mec="white", mew=0.5)
            labels[x] += f"\n{_in_words(row['value'], row['ci_low'], row['ci_high'])}"
        if rows.empty:
            axes.text(x, 0.5, "not\ndefined", ha="center", va="center", color="0.35", fontsize=7)
        lowest = np.nanmin([lowest, *values, *pooled["value"], *pooled["ci_low"]])
    axes.plot(
        [], [], "D-", ms=4, lw=2.5, color="0.2", mec="white", mew=0.5, label="all test epochs, with 95 % interval"
    )
    axes.plot([], [], "o", ms=3.5, mfc="none", mec="0.2", mew=0.7, label=f"one mouse (n = {len(mice)})")
    figure.legend(loc="outside upper right", ncols=2)
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(lowest - (0.05 if lowest < 0 else 0), 1.03), ylabel="Value")
    axes.set_xticks(range(len(columns)), labels)
    axes.axhline(0, color="0.8", lw=0.6, zorder=0)
    return figure


def _in_words(value: float, low: float, high: float) -> str:
    r"""Value, and below it its interval where there is one.

    Examples
    --------
    >>> _in_words(0.842, 0.801, 0.878)
    '0.84\n0.80 to 0.88'
    """
    return f"{value:.2f}" + ("" if np.isnan(low) else f"\n{low:.2f} to {high:.2f}")


def _offsets(n: int) -> np.ndarray:
    """Places of `n` dots beside the pooled value: spread out, always the same.

    Examples
    --------
    >>> _offsets(3).round(2).tolist()
    [0.11, 0.22, 0.33]
    """
    return _SPREAD + np.linspace(-0.5, 0.5, n) * _SPREAD if n > 1 else np.full(n, _SPREAD)
