"""The estimate: arithmetic by hand, measured rates before shipped ones, done jobs, odd benchmarks."""

import pandas as pd
import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.models.size import window_tflop
from wfci_sleep.run import estimate, settings
from wfci_sleep.tables import read_table
from wfci_sleep.tables.costs import RATES

JOBS = pd.DataFrame(
    {
        "rule": ["cut_windows", "train", "compute_metrics"],
        "job": ["windows/10s/a/a-fc1", "main/train/fold-1", "main/metrics"],
        "experiment": [estimate.SHARED, "main", "main"],
        "done": [False, True, False],
    }
)
COSTS = pd.DataFrame({"cpu_s": [10.0, 7200.0, 3600.0], "gpu_s": [0.0, 360.0, 0.0], "mb": [1000.0, 5.0, 500.0]})


def test_published_size():
    published = {"filters": [64] * 5, "kernel": 3, "pooling": 2, "lstm_units": 64}
    assert 3 * window_tflop(published, (168, 128, 128)) == pytest.approx(1.02, abs=0.01)


def test_arithmetic_by_hand():
    model = {"filters": [2, 3], "kernel": 3, "pooling": 2, "lstm_units": 1}
    # 5 x 4 pixels: 1 -> 2 -> 2 channels; pooled to 3 x 2: 2 -> 3 -> 3 channels; LSTM of 3 + 1 inputs; attention 2 x 2.
    products = 20 * 9 * (2 + 4) + 6 * 9 * (6 + 9) + 2 * 4 * 4 + 4
    assert window_tflop(model, (7, 5, 4)) == pytest.approx(2 * 7 * products / 1e12)


@pytest.mark.parametrize(
    ("folds", "train"),
    [
        ({"protocol": "pooled"}, 0.8),
        ({"protocol": "held-out-mouse", "validation_mice": 2}, 0.7),
        ({"protocol": "k-fold", "k": 5, "validation_mice": 1}, 0.7),
        ({"protocol": "fixed", "fixed": [{"train": ["a", "b"], "validation": ["c"], "test": ["d"]}]}, 0.2),
    ],
)
def test_shares_of_the_splits(folds, train):
    assert estimate.split_shares(folds, 10)["train"] == pytest.approx(train)


def test_done_jobs_cost_nothing():
    table = estimate.estimate_table(JOBS, COSTS, {"main": {}, "idle": {}}).set_index("experiment")
    assert list(table.index) == ["shared", "main", "idle", "total"]
    assert table.loc["main", ["jobs", "done", "CPU h", "GPU h"]].tolist() == [2, 1, 1, 0]
    assert table.loc["shared", "disk GB"] == 1
    assert table.loc["total", "jobs"] == 3 and table.loc["idle", "jobs"] == 0


def test_with_a_gpu_its_time_takes_the_place_of_the_processors():
    table = estimate.estimate_table(JOBS.assign(done=False), COSTS, {"main": {}}).set_index("experiment")
    assert table.loc["main", ["CPU h", "with GPU: CPU h", "GPU h"]].tolist() == pytest.approx([3, 1.1, 0.1])


def test_measured_rates_come_before_shipped_ones(tmp_path):
    header = "s\tcpu_time\n"
    for name, text in {
        "windows/10s/a/a-fc1": header + "9\t30\n",
        "main/train/fold-1": header + "NA\tNA\n",
        "main/metrics": "",
    }.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    seconds = estimate.measured_seconds(JOBS, tmp_path)
    assert seconds.iloc[0] == 30 and seconds.iloc[1:].isna().all()
    assert estimate.measured_seconds(JOBS, tmp_path / "none").isna().all()
    scaled = estimate.with_measured(COSTS, JOBS["rule"], seconds, "cpu_s")
    assert scaled["cpu_s"].tolist() == [30, 7200, 3600]


def test_a_measured_rate_holds_for_the_rules_other_jobs_by_their_work():
    units = pd.DataFrame({"job": 1.0, "epoch": [90.0, 30.0], "tflop": 0.0, "window_mb": 0.0})
    jobs = pd.DataFrame({"rule": ["cut_windows", "cut_windows"]})
    rates = pd.DataFrame({"rule": ["cut_windows"], "unit": "epoch", "cpu_s": 1.0, "gpu_s": 0.0, "mb": 0.5})
    costs = estimate.shipped_costs(jobs, units, rates)
    assert costs["mb"].tolist() == [45, 15]
    measured = estimate.with_measured(costs, jobs["rule"], pd.Series([180.0, float("nan")]), "cpu_s")
    assert measured["cpu_s"].tolist() == [180, 60]


def test_the_shipped_table_is_complete():
    rates = read_table(estimate.SHIPPED_RATES, RATES)
    assert rates.notna().all(axis=None)
    assert set(rates["unit"]) == {"job", "epoch", "tflop"}
    assert "*" in set(rates["rule"])
    assert rates.loc[rates["unit"] == "tflop", "source"].str.contains("assumption").all()


@pytest.mark.parametrize("summary", ["", "Building DAG of jobs...\n"])
def test_no_plan_is_refused(summary):
    with pytest.raises(InputError, match="no table of outputs"):
        estimate.planned_jobs(summary, [], "logs/demo", {})


def test_without_training_the_temperature_alone_is_fitted():
    """One mouse each to train, to validate and to test on."""
    published = settings.defaults() | {"folds": {"protocol": "leave-one-mouse-out", "validation_mice": 1}}
    jobs = pd.DataFrame({"rule": ["train"], "job": ["main/train/fold-1"], "experiment": ["main"]})
    epochs = {(f"Ms{number}", "fc1"): 30 for number in range(3)}
    forward = 30 * window_tflop(published["model"], (168, 128, 128))
    for passes, expected in ((0, forward), (2, 2 * 4 * forward + forward)):
        experiment = published | {"training": published["training"] | {"passes": passes}}
        assert estimate.work(jobs, {"main": experiment}, {}, epochs)["tflop"].item() == pytest.approx(expected)
