"""Every table that is read back is as `TABLES` describes it, and nothing else is taken for one."""

import json
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pandas as pd
import pytest
from damage import DAMAGE, is_one_line_about
from finished_run import finished_run

from wfci_sleep import tables
from wfci_sleep.analysis.agreement import agreement_table
from wfci_sleep.analysis.comparison import comparison_table
from wfci_sleep.analysis.links import link_table
from wfci_sleep.analysis.parcel_scores import parcel_scores
from wfci_sleep.analysis.parcels import parcel_table
from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.analysis.published import beside_published
from wfci_sleep.analysis.sessions import session_hypnograms
from wfci_sleep.analysis.sleep_tables import fragmentation_tables, sleep_table
from wfci_sleep.analysis.transition_distance import transition_distance_table
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.physionet import INDEX_COLUMNS
from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import write_table
from wfci_sleep.run import estimate
from wfci_sleep.run.provenance import read_provenance
from wfci_sleep.scoring.explanations import LINKS, read_gradcam
from wfci_sleep.scoring.predictions import read_test_predictions
from wfci_sleep.states import Classes
from wfci_sleep.tables import Table, read_table, read_tables
from wfci_sleep.training.folds import labelled_epochs, read_fold

ROOT = Path(__file__).parents[2]
MODULES = [import_module(f"wfci_sleep.tables.{each.name}") for each in iter_modules(tables.__path__)]
TABLES = {name.lower(): table for module in MODULES for name, table in vars(module).items() if isinstance(table, Table)}
CLASSES = ["wake", "nrem", "rem"]
SETTINGS = {
    "folds": {"protocol": "leave-one-mouse-out"},
    "labels": {"classes": CLASSES},
    "model": {"kind": "cnn-bilstm"},
}
KEYS = [(f"Ms{mouse}", f"Ms{mouse}-fc1") for mouse in (1, 2, 3)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folders of a small run's resources and of its experiment's results, with every table that the workflow writes."""
    folder = tmp_path_factory.mktemp("run")
    experiments = {"main": {}, "graphs": {"windows": {"seconds": 1}, "model": {"kind": "mvg-cnn"}}}
    finished_run(folder, {"dataset": {"synthetic": {"epochs_per_run": 12}}, "experiments": experiments})
    resources, results = folder / "resources/tiny", folder / "results/tiny/main"
    recordings = read_table(resources / "recordings.tsv", TABLES["recordings"])
    predictions = read_test_predictions(sorted(results.glob("fold-*/predictions.tsv")), CLASSES, recordings)
    metrics = metrics_table(predictions, CLASSES, 50, 0)
    hypnograms = session_hypnograms({"cnn-bilstm": predictions}, recordings, CLASSES)
    agreement = agreement_table(hypnograms, 50, 0)
    indices = read_tables(KEYS, sorted(resources.glob("windows/2s-*/*/*.tsv")), TABLES["windows"])
    states = {key: np.append(Classes(CLASSES).of_labels, -1)[index["label"]] for key, index in indices.items()}
    maps = read_gradcam(sorted(results.glob("fold-*/gradcam.h5")), "gradcam", CLASSES)
    links = read_gradcam(sorted(results.parent.glob("graphs/fold-*/gradcam.h5")), "gradcam", CLASSES, shape=LINKS)
    atlas = load_atlas(resources / "atlas.mat")
    experiments = {"main": SETTINGS, "other": SETTINGS}
    fragmentation, bouts, transitions = fragmentation_tables(hypnograms)
    written = {
        "metrics": metrics,
        "agreement": agreement,
        "sleep": sleep_table(hypnograms),
        "fragmentation": fragmentation,
        "bouts": bouts,
        "transitions": transitions,
        "transition_distance": transition_distance_table(predictions, states, CLASSES),
        "gradcam_parcels": parcel_table(maps, atlas, "both").assign(method="gradcam"),
        "gradcam_links": link_table(links).assign(method="gradcam"),
        "parcel_scores": parcel_scores({2: metrics, 23: metrics}, atlas),
        "published": beside_published({"main": metrics}, {"main": agreement}, experiments, "main", True),
        "comparison": comparison_table(dict.fromkeys(experiments, metrics), experiments, "main", True),
    }
    for name, table in written.items():
        write_table(table, results / f"{name}.tsv")
    listed = pd.DataFrame(
        [("Ms1", "Ms1-fc1", 1, "a.mat", "0" * 64, 3, "https://a"), (None, None, None, "b", "1" * 64, None, "c")]
    )
    write_table(listed.set_axis(INDEX_COLUMNS, axis=1).astype({"order": "Int64"}), resources / "index.tsv")
    return resources, results


def path_of(run, kind):
    resources, results = run
    folder = results if kind in ("folds", "metrics") or (results / f"{kind}.tsv").exists() else results / "fold-1"
    elsewhere = {
        "index": resources / "index.tsv",
        "quality": resources / "quality.tsv",
        "recordings": resources / "recordings.tsv",
        "check": resources / "checks/Ms1/Ms1-fc1.tsv",
        "parcels": resources / "parcels/Ms1/Ms1-fc1.tsv",
        "windows": next(resources.glob("windows/2s-*/Ms1/Ms1-fc1.tsv")),
        "fold_states": results / "folds-states.tsv",
        "history": folder / "history.csv",
        "rates": estimate.SHIPPED_RATES,
    }
    return elsewhere.get(kind, folder / f"{kind}.tsv")


MADE = [kind for kind, table in TABLES.items() if table.made and kind != "benchmark"]
OPEN = ("parcels", "history", "predictions")  # with columns named by parcels, measures, states


@pytest.mark.parametrize("kind", [*MADE, "rates"])
def test_every_table_that_is_written_is_described_in_full(run, kind):
    table = read_table(path_of(run, kind), TABLES[kind])
    assert len(table)
    assert set(TABLES[kind].columns) <= set(table) if kind in OPEN else set(TABLES[kind].columns) == set(table)


def test_types_are_those_of_the_description_whatever_cells_look_like(tmp_path):
    path = tmp_path / "sheet.tsv"
    path.write_bytes(b"\xef\xbb\xbfmouse\trecording\tpath\tnote\r\n007\t1e5\ta.mat\t\r\n8\tx\tb.mat\t3\r\n\r\n")
    table = read_table(path, TABLES["sheet"])
    assert table.to_numpy()[:, :3].tolist() == [["007", "1e5", "a.mat"], ["8", "x", "b.mat"]]
    assert table["note"].isna().tolist() == [True, False]
    path.write_text("mouse\trecording\tepoch\tstate\nM\tr\t3.0\twake\n")
    assert read_table(path, TABLES["scores"])["epoch"].tolist() == [3]


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a.tsv: cannot be read \(No such file or directory\), expected a table"):
        read_table(tmp_path / "a.tsv", TABLES["sheet"])


SHEET = "mouse\trecording\tpath\nM7\tday\ta.mat\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mouse\trecording\tpath\nM7\tday\ta.mat\tb.mat\n", "line 2 has 4 cells, the header 3"),
        (SHEET + "M7\tnight\n", "line 3 has 2 cells, the header 3"),
        (SHEET + "M7\n", "line 3 has 1 cell, the header 3"),
        (SHEET + "\n" + "M7\tnight\tb.mat\n", "line 3 has 0 cells, the header 3"),
        (SHEET + 'M7\t"night\tb.mat\n', "line 3 cannot be parted into cells (unexpected end of data)"),
        (
            "mouse\trecording\tpath\tpath\nM7\tday\ta.mat\tb.mat\n",
            "there are two columns path, expected one of each name",
        ),
        ("mouse\tpath\nM7\ta.mat\n", "column recording is missing, found mouse, path"),
        ("", "column mouse, recording, path is missing, found nothing"),
        ("mouse\trecording\tpath\n", "there is no row below the header, expected at least one"),
        ("mouse\trecording\tpath\nM\x007\tday\ta.mat\n", "line 2 holds a byte that is zero, expected text"),
        ("mouse\trecording\tpath\nM7\tday\t\n", "line 2, column path: found nothing, expected text"),
    ],
)
def test_users_tables_end_in_one_line(tmp_path, text, message):
    path = tmp_path / "sheet.tsv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_table(path, TABLES["sheet"])
    assert str(caught.value) == f"{path}: {message}; correct it"


def test_text_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "sheet.tsv"
    path.write_bytes(SHEET.replace("day", "Ä").encode("latin-1"))
    with pytest.raises(InputError, match="line 2 holds bytes that are not text, expected UTF-8; correct it"):
        read_table(path, TABLES["sheet"])


# --- damage to what the workflow made ---


def lines(text):
    return text.splitlines(keepends=True)


def without(number, text):
    return "".join(line for place, line in enumerate(lines(text), start=1) if place != number)


def doubled(number, text):
    return "".join(line * (1 + (place == number)) for place, line in enumerate(lines(text), start=1))


def changed(number, column, value, text):
    """The text with another value in a line's column."""
    header, found = (line.rstrip("\n").split("\t") for line in (lines(text)[0], lines(text)[number - 1]))
    found[header.index(column)] = value
    return "".join([*lines(text)[: number - 1], "\t".join(found) + "\n", *lines(text)[number:]])


def ended(text):
    """The text without its last line."""
    return "".join(lines(text)[:-1])


def renamed(old, new, text):
    return text.replace(old, new, 1)


CHANGES = {
    # kind, change, what is said
    "windows, label": (
        "windows",
        partial(changed, 5, "label", "2"),
        "line 5, column label: found '2', expected that of the",
    ),
    "windows, kept": (
        "windows",
        partial(changed, 3, "kept", "False"),
        "line 3, column kept: found 'False', expected True",
    ),
    "windows, kept otherwise": ("windows", partial(changed, 3, "kept", "no"), "found 'no', expected True or False"),
    "windows, score": ("windows", partial(changed, 3, "score", "4"), "expected a whole number from 0 to 3"),
    "windows, gap": ("windows", partial(without, 4), "line 4, column epoch: found '3', expected every epoch from 0 on"),
    "windows, time": ("windows", partial(changed, 3, "start_s", "11.0"), "column start_s: found '11.0', expected 10 s"),
    "folds, split": (
        "folds",
        partial(changed, 3, "split", "trqin"),
        "'trqin', expected one of train, validation, test",
    ),
    "folds, twice": ("folds", partial(doubled, 7), "line 8 is a second one of fold "),
    "folds, fold": (
        "folds",
        partial(changed, 3, "fold", "0"),
        "column fold: found '0', expected a whole number from 1",
    ),
    "folds, epoch": ("folds", partial(changed, 3, "epoch", "1.5"), "found '1.5', expected a whole number from 0"),
    "predictions, truth": (
        "predictions",
        partial(changed, 3, "y_true", "7"),
        "'7', expected a whole number from 0 to 2",
    ),
    "predictions, p": ("predictions", partial(changed, 3, "p_wake", "9"), "found '9', expected a number from 0 to 1"),
    "predictions, sum": (
        "predictions",
        partial(changed, 3, "p_wake", "0.6789"),
        "column p_wake: found '0.6789', expected ",
    ),
    "predictions, text": ("predictions", partial(changed, 3, "p_rem", "0.1O"), "column p_rem: found '0.1O', expected"),
    "predictions, empty": ("predictions", partial(changed, 3, "p_rem", ""), "column p_rem: found nothing, expected"),
    "predictions, twice": ("predictions", partial(doubled, 4), "line 5 is a second one of mouse Ms"),
    "predictions, split": ("predictions", partial(changed, 2, "split", "train"), "expected one of validation, test"),
    "predictions, column": (
        "predictions",
        partial(renamed, "p_wake", "p_wale"),
        "column p_wake is missing, found mouse,",
    ),
    "predictions, column twice": ("predictions", partial(renamed, "p_nrem", "p_rem"), "there are two columns p_rem"),
    "predictions, no epoch": ("predictions", lambda text: lines(text)[0], "there is no row below the header"),
    "history, pass": (
        "history",
        partial(without, 3),
        "line 3, column pass: found '3', expected every training epoch from 1 on",
    ),
    "recordings, sum": ("recordings", partial(changed, 2, "sha256", "0" * 63), "expected 64 hexadecimal digits"),
    "recordings, epochs": (
        "recordings",
        partial(changed, 2, "epochs", "-4"),
        "found '-4', expected a whole number from 0",
    ),
    "quality, share": (
        "quality",
        partial(changed, 2, "nan_share", "1.5"),
        "found '1.5', expected a number from 0 to 1",
    ),
    "metrics, value": ("metrics", partial(changed, 2, "value", "83"), "found '83', expected a number from -1 to 1"),
    "metrics, level": ("metrics", partial(changed, 2, "level", "poled"), "expected one of pooled, fold, mouse"),
    "metrics, end": ("metrics", ended, "column unit: found 'Ms3', expected as many lines of it as of the others"),
    "metrics, pooled alone": (
        "metrics",
        lambda text: "".join(lines(text)[:9]),
        "expected all of pooled, fold and mouse",
    ),
    "transitions, end": ("transitions", ended, "expected as many lines of it as of the others"),
    "sleep, row": ("sleep", partial(without, 3), "column scorer: found 'cnn-bilstm', expected as many lines of it"),
    "confusion, end": ("confusion", ended, "column pass: found '3', expected as many lines of it as of the others"),
    "bouts, state": ("bouts", partial(changed, 2, "state", "r?m"), "expected one of wake, nrem, rem, sleep"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_table_is_named_with_the_line_and_what_to_do(run, tmp_path, change):
    kind, change, message = CHANGES[change]
    path = tmp_path / "a.tsv"
    path.write_text(change(path_of(run, kind).read_text()))
    with pytest.raises(InputError) as caught:
        read_table(path, TABLES[kind])
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert line.endswith("; delete it and run the same command again: it is made again")
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("kind", MADE)
def test_a_damaged_table_is_named_whatever_it_holds(run, tmp_path, kind):
    path, content = tmp_path / "a.tsv", path_of(run, kind).read_bytes()
    for damage in DAMAGE.values():
        path.write_bytes(damage(content))
        with pytest.raises(InputError) as caught:
            read_table(path, TABLES[kind])
        assert is_one_line_about(caught.value, path)


BY_CHECKSUM = {
    "a measure": ("metrics", lambda text: changed(2, "value", "0.123", text)),
    "a mouse gone": ("metrics", lambda text: "".join(line for line in lines(text) if "\tMs3\t" not in line)),
    "the last pass gone": ("history", partial(without, 4)),
    "a score with its label": (
        "windows",
        lambda text: changed(2, "score", "3", changed(2, "label", "2", text)),
    ),
    "the last epochs gone, which a shard still has": ("windows", lambda text: "".join(lines(text)[:-2])),
    "a test epoch called validation": ("predictions", partial(renamed, "\ttest\t", "\tvalidation\t")),
}


@pytest.mark.parametrize("change", BY_CHECKSUM)
def test_what_fits_the_description_is_found_by_its_checksum_alone(run, tmp_path, change):
    """Not by a reader: a step compares what it reads with the checksum that was recorded when it was made."""
    kind, change = BY_CHECKSUM[change]
    path, sound = tmp_path / "a.tsv", path_of(run, kind)
    path.write_text(change(sound.read_text()))
    assert path.read_bytes() != sound.read_bytes()
    assert not read_table(path, TABLES[kind]).equals(read_table(sound, TABLES[kind]))


JSON = {
    **{name: (damage, "") for name, damage in DAMAGE.items()},
    "a list": (lambda content: b"[]", "has no software, expected software, "),
    "a key changed": (lambda content: content.replace(b"inputs", b"input5"), "has no inputs, expected software, "),
}


@pytest.mark.parametrize("change", JSON)
def test_damaged_json_is_named(tmp_path, change):
    damage, message = JSON[change]
    path = tmp_path / "provenance.json"
    document = dict.fromkeys(("software", "code", "configuration", "data_are_synthetic", "inputs"), "something")
    path.write_text(json.dumps(document, indent=2))
    assert read_provenance(path) == document
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError) as caught:
        read_provenance(path)
    assert is_one_line_about(caught.value, path)
    assert message in str(caught.value)


def folds_of(run, change, tmp_path):
    """Read the first fold from a changed folds.tsv."""
    resources, results = run
    path = tmp_path / "folds.tsv"
    path.write_text(change((results / "folds.tsv").read_text()))
    labelled = labelled_epochs(sorted(resources.glob("windows/2s-*/*/*.tsv")), KEYS)
    return read_fold(path, 1, labelled, ["Ms1", "Ms2", "Ms3"], by_mouse=True)


FOLD_CHANGES = {
    "a test row called train": (
        lambda text: text.replace("\t1\ttest\n", "\t1\ttrain\n", 1),
        "fold 1: mouse Ms1 lies in train and test, expected each mouse in one split only",
    ),
    "half": (lambda text: "".join(lines(text)[: len(lines(text)) // 12]), "fold 1 lacks epoch "),
    "a row gone": (partial(without, 9), "fold 1 lacks epoch "),
    "an epoch that was left out": (
        lambda text: text + "Ms1\tMs1-fc1\t99\t1\ttest\n",
        "fold 1 has epoch 99 of Ms1, Ms1-fc1",
    ),
    "another fold's": (lambda text: text.replace("\t1\ttest\n", "\t4\ttest\n"), "fold 1 lacks epoch 0 of Ms1, Ms1-fc1"),
}


@pytest.mark.parametrize("change", FOLD_CHANGES)
def test_a_fold_has_the_epochs_that_the_indices_keep(run, tmp_path, change):
    change, message = FOLD_CHANGES[change]
    assert set(folds_of(run, lambda text: text, tmp_path)["split"]) == {"train", "validation", "test"}
    with pytest.raises(InputError) as caught:
        folds_of(run, change, tmp_path)
    assert f"{tmp_path / 'folds.tsv'}: {message}" in str(caught.value)
    assert str(caught.value).endswith("; delete it and run the same command again: it is made again")


PREDICTION_CHANGES = {
    "rows gone": (lambda text: "".join(lines(text)[:-3]), "lacks epoch "),
    "another fold's": (lambda text: text.replace("\tvalidation\t", "\ttest\t"), "lacks epoch "),
    "another run's": (
        lambda text: text.replace("Ms1-fc1", "Ms1-fc9"),
        "is of epoch 0 of Ms1, Ms1-fc9, expected an epoch ",
    ),
    "other classes": (
        lambda text: text.replace("p_rem", "p_sleep"),
        "holds probabilities of wake, nrem, sleep, expected wake",
    ),
}


@pytest.mark.parametrize("change", PREDICTION_CHANGES)
def test_predictions_are_those_of_their_fold_and_of_the_recordings(run, tmp_path, change):
    resources, results = run
    change, message = PREDICTION_CHANGES[change]
    recordings, folds = (
        read_table(resources / "recordings.tsv", TABLES["recordings"]),
        read_table(results / "folds.tsv", TABLES["folds"]),
    )
    path = tmp_path / "predictions.tsv"
    sound = (results / "fold-1/predictions.tsv").read_text()
    path.write_text(sound)
    assert (read_test_predictions([path], CLASSES, recordings, folds)["split"] == "test").all()
    path.write_text(change(sound))
    with pytest.raises(InputError) as caught:
        read_test_predictions([path], CLASSES, recordings, folds)
    assert f"{path}: {message}" in str(caught.value)
    assert str(caught.value).endswith("; delete it and run the same command again: it is made again")


def test_no_table_is_read_but_through_its_description():
    readers = [path.name for path in (ROOT / "workflow").rglob("*.py") if "read_csv" in path.read_text()]
    assert readers == ["estimate.py"]  # what Snakemake answers, which is no file
