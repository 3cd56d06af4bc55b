"""What a run will cost before it starts: jobs, disk, hours of processors and GPUs, from measured rates."""

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.models.registry import kind_of
from wfci_sleep.preprocessing.inputs import input_of, window_shape
from wfci_sleep.tables import read_table
from wfci_sleep.tables.costs import BENCHMARK
from wfci_sleep.training.folds import POOLED_SHARES

SHIPPED_RATES = Path(__file__).with_name("rates.tsv")
"""Seconds and megabytes per unit of work, each with its source; a rule's rows add up, `*` is any other rule."""

ASSUMED_EPOCHS = 97
"""Epochs of a recording that has not been read yet."""

SHARED = "shared"
"""Row of the jobs that belong to no experiment alone."""

_COSTS = ["cpu_s", "gpu_s", "mb"]


def planned_jobs(
    summary: str, patterns: Sequence[tuple[str, str, str]], logs: str, experiments: Mapping[str, Any]
) -> pd.DataFrame:
    r"""Jobs of a plan, one a log file.

    Parameters
    ----------
    summary : str
        What `snakemake --summary` prints: a row for each output.
    patterns : sequence of (rule, regular expression of an output, log with wildcards in braces)
        Of every rule; the groups of the expression are the wildcards.
    logs : str
        Folder of the run's logs.
    experiments : mapping
        Their names are the keys.

    Returns
    -------
    table with columns rule, job (its log below `logs`, without suffix), experiment (or `SHARED`), done

    Raises
    ------
    InputError
        If the text is no such table, or an output is no rule's.

    Examples
    --------
    >>> summary = "output_file\tstatus\tplan\nmain/fold-1.keras\tmissing\tupdate pending\n"
    >>> patterns = [("train", r"main/fold-(?P<fold>\d+)\.keras$", "logs/demo/main/train/fold-{fold}.log")]
    >>> planned_jobs(summary, patterns, "logs/demo", {"main": {}}).astype(str).iloc[0].tolist()
    ['train', 'main/train/fold-1', 'main', 'False']
    """
    # Lines above the header are what a library had to say.
    start = summary.find("output_file\t")
    if start < 0:
        raise InputError(f"the plan is no table of outputs, found {summary.strip()[:80] or 'nothing'}")
    outputs = pd.read_csv(io.StringIO(summary[start:]), sep="\t", dtype=str, keep_default_na=False)
    compiled = [(rule, re.compile(expression), log) for rule, expression, log in patterns]
    made_by = [_job(path, compiled) for path in outputs["output_file"]]
    outputs[["rule", "log"]] = pd.DataFrame(made_by, index=outputs.index, columns=["rule", "log"])
    job = outputs["log"].map(lambda path: os.path.splitext(os.path.relpath(path, logs))[0])
    outputs = outputs.assign(job=job, done=outputs["plan"] == "no update")
    table = outputs.groupby("job", sort=False).agg(rule=("rule", "first"), done=("done", "all")).reset_index()
    first = table["job"].str.split("/").str[0]
    table["experiment"] = first.where(first.isin(list(experiments)), SHARED)
    return table[["rule", "job", "experiment", "done"]]


def _job(path: str, patterns: Sequence[tuple[str, re.Pattern[str], str]]) -> tuple[str, str]:
    for rule, expression, log in patterns:
        if found := expression.match(path):
            return rule, re.sub(r"{(\w+)[^}]*}", lambda wildcard: found[wildcard[1]], log)
    raise InputError(f"{path}: no rule makes it, expected an output of the workflow")


def split_shares(folds: Mapping[str, Any], n_mice: int) -> dict[str, float]:
    """Share of the epochs in each split of a fold, the mean over the folds, if every mouse has as many.

    Parameters
    ----------
    folds : mapping
        The `folds` section of the configuration.
    n_mice : int

    Examples
    --------
    >>> split_shares({"protocol": "leave-one-mouse-out", "validation_mice": 1}, 4)
    {'train': 0.5, 'validation': 0.25, 'test': 0.25}
    """
    protocol = folds["protocol"]
    if protocol == "pooled":
        return dict(POOLED_SHARES)
    if protocol == "fixed":
        return {
            split: float(np.mean([len(fold[split]) for fold in folds["fixed"]])) / n_mice for split in POOLED_SHARES
        }
    test = 1 / folds["k"] if protocol == "k-fold" else 1 / n_mice
    validation = folds["validation_mice"] / n_mice
    return {"train": 1 - test - validation, "validation": validation, "test": test}


def work(
    jobs: pd.DataFrame,
    experiments: Mapping[str, Any],
    windowings: Mapping[str, Any],
    epochs: Mapping[tuple[str, str], float],
) -> pd.DataFrame:
    """Units of work of each job.

    Parameters
    ----------
    jobs : table
        As `planned_jobs` gives it.
    experiments : mapping of name to settings
    windowings : mapping of name to list of settings
        Below windows/: the window settings that a job cuts, several where lengths are cut together.
    epochs : mapping of (mouse, recording) to number of epochs

    Returns
    -------
    table with columns job (1 each), epoch, tflop, window_mb (megabytes of windows), one row for each job

    Examples
    --------
    >>> jobs = pd.DataFrame({"rule": ["check_recording"], "job": ["check_recording/a/a-fc1"], "experiment": [SHARED]})
    >>> work(jobs, {}, {}, {("a", "a-fc1"): 90}).iloc[0].tolist()
    [1.0, 90.0, 0.0, 0.0]
    """
    n_mice = len({mouse for mouse, _ in epochs})
    tflop = {name: _tflop(settings, n_mice, sum(epochs.values())) for name, settings in experiments.items()}
    rows = []
    for job in jobs.itertuples():
        parts = job.job.split("/")
        n_epochs = epochs.get(tuple(parts[-2:]), 0)
        cut = windowings.get(parts[1], []) if parts[0] == "windows" else []
        megabytes = n_epochs * sum(input_of(windows).megabytes(windows) for windows in cut)
        rows.append((1.0, float(n_epochs), tflop.get(job.experiment, {}).get(job.rule, 0.0), float(megabytes)))
    return pd.DataFrame(rows, columns=["job", "epoch", "tflop", "window_mb"], index=jobs.index)


def _tflop(settings: Mapping[str, Any], n_mice: int, n_epochs: float) -> dict[str, float]:
    windows = settings["windows"]
    each = n_epochs * kind_of(settings["model"]).window_tflop(settings["model"], window_shape(windows))
    share = split_shares(settings["folds"], n_mice)
    # Forward and backward are three times the forward pass, which is all that validation needs; the temperature is
    # fitted after one more, without training as well.
    training_epoch = 3 * share["train"] + share["validation"]
    scoring = (share["validation"] + share["test"]) * each
    return {
        "train": (settings["training"]["passes"] * training_epoch + share["validation"]) * each,
        "score": scoring,
        "score_without_attention": scoring,
    }


def shipped_costs(jobs: pd.DataFrame, units: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """What the jobs cost by the shipped table.

    Parameters
    ----------
    jobs, units : tables
        As `planned_jobs` and `work` give them.
    rates : table with columns rule, unit (job, epoch, tflop), cpu_s, gpu_s, mb
        Per unit of work; the rows of a rule add up, `*` stands for rules that have none.

    Returns
    -------
    table with columns cpu_s (without a GPU), gpu_s (with one), mb; one row for each job
    """
    known = jobs["rule"].where(jobs["rule"].isin(rates["rule"]), "*")
    per_job = units[["job", "epoch", "tflop"]].rename_axis("index").reset_index().assign(rule=known.to_numpy())
    long = per_job.melt(["index", "rule"], var_name="unit", value_name="amount").merge(rates, on=["rule", "unit"])
    costs = long[_COSTS].mul(long["amount"], axis=0).groupby(long["index"]).sum().reindex(jobs.index, fill_value=0.0)
    return costs.assign(mb=costs["mb"] + units["window_mb"])


def measured_seconds(jobs: pd.DataFrame, benchmarks: str | os.PathLike[str], column: str = "cpu_time") -> pd.Series:
    """Seconds that jobs took when they ran; NaN where there is no benchmark, or an empty one, or no number in it.

    Parameters
    ----------
    jobs : table
        As `planned_jobs` gives it.
    benchmarks : path
        Folder of the run's benchmarks: the files lie as the logs do.
    column : {"cpu_time", "s"}
        Of Snakemake's benchmarks: time of processors, or by the clock.
    """

    def seconds(job: str) -> float:
        try:
            table = read_table(Path(benchmarks, f"{job}.tsv"), BENCHMARK)
        except InputError:
            return np.nan
        return float(pd.to_numeric(table[column], errors="coerce").mean())

    return jobs["job"].map(seconds).astype(float)


def with_measured(costs: pd.DataFrame, rules: pd.Series, seconds: pd.Series, column: str) -> pd.DataFrame:
    """Costs scaled, rule by rule, to what was measured in this run.

    Parameters
    ----------
    costs : table
        As `shipped_costs` gives it.
    rules : series of str
        Rule of each job.
    seconds : series of float
        As `measured_seconds` gives it.
    column : {"cpu_s", "gpu_s"}
        The cost that was measured.

    Examples
    --------
    >>> costs = pd.DataFrame({"cpu_s": [10.0, 20.0, 5.0]})
    >>> with_measured(costs, pd.Series(["a", "a", "b"]), pd.Series([30.0, np.nan, np.nan]), "cpu_s")["cpu_s"].tolist()
    [30.0, 60.0, 5.0]
    """
    expected = costs[column].where(seconds.notna())
    ratio = seconds.groupby(rules).sum() / expected.groupby(rules).sum()
    # No second measured, or none expected, says nothing of the rule.
    ratio = ratio.where(np.isfinite(ratio) & (ratio > 0), 1.0)
    return costs.assign(**{column: costs[column] * rules.map(ratio)})


def estimate_table(jobs: pd.DataFrame, costs: pd.DataFrame, experiments: Mapping[str, Any]) -> pd.DataFrame:
    """What is left to do, experiment by experiment, and in total. Done jobs cost nothing.

    Parameters
    ----------
    jobs, costs : tables
        As `planned_jobs` and `shipped_costs` give them.
    experiments : mapping
        Their names are the keys, in the order of the rows.

    Returns
    -------
    table
        Columns experiment, jobs, done, disk GB, CPU h (without a GPU), with GPU: CPU h (a processor beside it), GPU h.
    """
    left = costs.mul(~jobs["done"], axis=0)
    columns = {
        "experiment": jobs["experiment"],
        "jobs": 1,
        "done": jobs["done"].astype(int),
        "disk GB": left["mb"] / 1e3,
        "CPU h": left["cpu_s"] / 3600,
        "with GPU: CPU h": left["gpu_s"].where(costs["gpu_s"] > 0, left["cpu_s"]) / 3600,
        "GPU h": left["gpu_s"] / 3600,
    }
    table = pd.DataFrame(columns).groupby("experiment").sum().reindex([SHARED, *experiments], fill_value=0)
    table.loc["total"] = table.sum()
    return table.astype({"jobs": int, "done": int}).rename_axis("experiment").reset_index()
