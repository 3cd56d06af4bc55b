"""Which recordings there are: both spellings, natural order, sheets, and what is refused."""

import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.sources import find_atlas, local_recordings


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folder_in_natural_order_at_every_level(tmp_path):
    touch(
        tmp_path,
        "Ms10/Ms10-fc1.mat",
        "Ms2/Ms2-fc10.mat",
        "Ms2/Ms2-fc2.mat",
        "Ms3/Ms3_fc1.mat",
        "atlas.mat",
        "notes.txt",
    )
    touch(tmp_path, "old/191030-M5-fc1-GSR_Ben.mat")
    table = local_recordings(tmp_path)
    assert list(table["recording"]) == ["191030-M5-fc1-GSR_Ben", "Ms2-fc2", "Ms2-fc10", "Ms3_fc1", "Ms10-fc1"]
    assert list(table["mouse"]) == ["191030-M5", "Ms2", "Ms2", "Ms3", "Ms10"]
    assert list(table["order"]) == [1, 2, 10, 1, 1]
    assert table["path"][1] == str(tmp_path / "Ms2/Ms2-fc2.mat")


def test_sheet_names_any_file_relative_to_itself(tmp_path):
    touch(tmp_path, "data/b.mat", "data/a.mat")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text("mouse\trecording\tpath\nM7\tnight\tdata/b.mat\nM7\tday\tdata/a.mat\n")
    table = local_recordings(sheet)
    assert table[["mouse", "recording", "order"]].values.tolist() == [["M7", "night", 1], ["M7", "day", 2]]
    assert table["path"][0] == str(tmp_path / "data/b.mat")


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("mouse\tpath\nM7\ta.mat\n", "column recording is missing, found mouse, path"),
        ("mouse\trecording\tpath\nM7\tday\tgone.mat\n", "gone.mat does not exist"),
        ("mouse\trecording\tpath\nM7\t\ta.mat\n", "found no rows or an empty cell"),
        ("mouse\trecording\tpath\n", "found no rows or an empty cell"),
        ("mouse\trecording\tpath\nM7\tx/y\ta.mat\n", "the name 'x/y' is not usable"),
        ("mouse\trecording\tpath\nM7\tday\ta.mat\nM7\tday\ta.mat\n", "stand for the same recording of mouse M7"),
    ],
)
def test_wrong_sheets_end_in_one_line(tmp_path, sheet, message):
    touch(tmp_path, "a.mat")
    path = tmp_path / "sheet.tsv"
    path.write_text(sheet)
    with pytest.raises(InputError) as caught:
        local_recordings(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_empty_folder_says_what_it_expected(tmp_path):
    with pytest.raises(InputError, match="no recording found, expected files named like Ms1-fc1.mat"):
        local_recordings(tmp_path)


def test_two_spellings_of_one_run_are_refused(tmp_path):
    touch(tmp_path, "Ms3-fc1.mat", "Ms3_fc1.mat")
    with pytest.raises(InputError, match="stand for the same place in the session of mouse Ms3"):
        local_recordings(tmp_path)


@pytest.mark.parametrize("path", [None, "does-not-exist"])
def test_missing_path_is_named(path):
    with pytest.raises(InputError, match="dataset.local.path"):
        local_recordings(path)


def test_atlas_is_found_by_name_at_any_level(tmp_path):
    with pytest.raises(InputError, match="found 0 files named atlas.mat, expected one; name the file in dataset.atlas"):
        find_atlas(tmp_path)
    touch(tmp_path, "deep/down/atlas.mat")
    assert find_atlas(tmp_path) == str(tmp_path / "deep/down/atlas.mat")
