"""Comparison of experiments: their measures over mice, and paired tests against a reference experiment."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from wfci_sleep.analysis.confidence_intervals import half_width_of_mean
from wfci_sleep.analysis.published import SYNTHETIC

MEASURES = ("accuracy", "kappa", "f1_weighted")
"""Measures by which experiments are compared."""

COLUMNS = [
    *("experiment", "metric", "n_mice", "mean", "sd", "lowest", "highest"),
    *("n_pairs", "difference", "ci_low", "ci_high", "p", "p_holm", "effect_size", "note"),
]


def by_mouse(metrics: pd.DataFrame) -> pd.DataFrame:
    """Measures of each mouse.

    Parameters
    ----------
    metrics : table
        As in metrics.tsv.

    Returns
    -------
    table, shape (n_mice, n_measures)
        Rows by mouse, a column for each of `MEASURES`.
    """
    rows = metrics[(metrics["level"] == "mouse") & metrics["metric"].isin(MEASURES)]
    return rows.pivot(index="unit", columns="metric", values="value").reindex(columns=MEASURES)


def comparison_table(
    metrics: Mapping[str, pd.DataFrame], experiments: Mapping[str, Mapping], reference: str, synthetic: bool
) -> pd.DataFrame:
    """Measures of each experiment over its mice, and paired tests against the reference experiment.

    Parameters
    ----------
    metrics : mapping of experiment to table
        metrics.tsv of each experiment.
    experiments : mapping of experiment to settings
    reference : str
        Name of the experiment that the others are compared with.
    synthetic : bool
        Whether the recordings are synthetic.

    Returns
    -------
    table with columns experiment, metric, n_mice, mean, sd, lowest, highest, n_pairs, difference, ci_low, ci_high, p,
    p_holm, effect_size, note
        difference: experiment minus reference, mean over the mice that both tested, with its 95 % t interval. p: of
        the Wilcoxon signed-rank test (Wilcoxon 1945, Biometrics Bull. 1, 80). p_holm: corrected for the number of
        experiments (`holm`). effect_size: `rank_biserial`. NaN where there is nothing to compare.
    """
    measures = {name: by_mouse(table) for name, table in metrics.items()}
    rows = []
    for name, table in measures.items():
        notes = [] if name == reference else _caveats(experiments[name], experiments[reference])
        for metric in MEASURES:
            values = table[metric].dropna()
            row = {"experiment": name, "metric": metric, "n_mice": len(values), "mean": values.mean()}
            row |= {"sd": values.std(), "lowest": values.min(), "highest": values.max(), "n_pairs": 0}
            if name != reference:
                row |= paired((table[metric] - measures[reference][metric]).dropna().to_numpy())
            few = [_few(row["n_pairs"])] if name != reference else []
            said = [*([SYNTHETIC] if synthetic else []), *notes, *few]
            rows.append({**row, "note": "; ".join(filter(None, said))})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["p_holm"] = table.groupby("metric")["p"].transform(lambda p: holm(p.to_numpy(dtype=float)))
    return table


def paired(differences: np.ndarray) -> dict[str, float]:
    """Test whether the differences of pairs are centred on zero.

    Parameters
    ----------
    differences : array of float, shape (n_pairs,)

    Returns
    -------
    dict
        n_pairs and difference (mean, NaN without pairs). With two pairs or more ci_low and ci_high (t interval); if any
        pair differs, p (Wilcoxon) and effect_size as well.

    Examples
    --------
    >>> found = paired(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    >>> float(found["p"]), found["effect_size"]
    (0.0625, 1.0)
    """
    found = {"n_pairs": len(differences), "difference": differences.mean() if len(differences) else np.nan}
    if len(differences) < 2:
        return found
    half = half_width_of_mean(pd.Series(differences))
    found |= {"ci_low": differences.mean() - half, "ci_high": differences.mean() + half}
    if np.any(differences):
        found |= {"p": wilcoxon(differences).pvalue, "effect_size": rank_biserial(differences)}
    return found


def rank_biserial(differences: np.ndarray) -> float:
    """Effect size of pairs: matched-pairs rank-biserial correlation (Kerby 2014, Compr. Psychol. 3, 11.IT.3.1).

    Sum of the ranks of positive differences minus that of negative ones, as a share of all ranks: 1 if all differences
    are above zero, -1 if all are below. Pairs that do not differ are left out.

    Examples
    --------
    >>> rank_biserial(np.array([0.3, 0.2, -0.1, 0.0]))
    0.6666666666666666
    """
    differing = differences[differences != 0]
    ranks = rankdata(np.abs(differing))
    return float((ranks * np.sign(differing)).sum() / ranks.sum())


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p values for their number (Holm 1979, Scand. J. Stat. 6, 65); NaN stays and doesn't count.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    corrected = np.full(len(p), np.nan)
    order = [place for place in np.argsort(p) if not np.isnan(p[place])]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return corrected


def _caveats(settings: Mapping, reference: Mapping) -> Sequence[str]:
    """Say in what the questions of two experiments differ."""
    said = []
    protocol, expected = settings["folds"]["protocol"], reference["folds"]["protocol"]
    if protocol != expected:
        said.append(f"not the same question: protocol {protocol} against {expected}")
    classes, others = (len(each["labels"]["classes"]) for each in (settings, reference))
    if classes != others:
        said.append(f"not the same question: {classes} states against {others}")
    return said


def _few(n_pairs: int) -> str:
    """Say that so few pairs cannot reach p = 0.05; empty for enough of them."""
    lowest = 2 / 2**n_pairs
    if n_pairs < 2:
        return "only one mouse was tested in both" if n_pairs else "no mouse was tested in both"
    return f"with {n_pairs} mice p cannot be lower than {lowest:.3g}" if lowest > 0.05 else ""
