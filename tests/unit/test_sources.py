"""Which recordings there are: both spellings, natural order, sheets, and what is refused."""

import os

import pytest

from wfci_sleep.data.folders import find_atlas, local_notes, local_recordings
from wfci_sleep.data.listing import alike_mice, left_aside
from wfci_sleep.errors import InputError


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


def test_case_links_and_whole_years_are_read(tmp_path):
    touch(tmp_path, "store/ms4-FC2.MAT", "store/Ms4-fc1.mat", "rec/20191030-M5-fc1-GSR_G5.mat", "rec/MS1_fc1.mat")
    (tmp_path / "rec" / "more").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "around").symlink_to(tmp_path / "rec")
    (tmp_path / "rec" / "again").symlink_to(tmp_path / "rec" / "more")
    table = local_recordings(tmp_path / "rec")
    assert table[["mouse", "recording", "order"]].to_numpy().tolist() == [
        ["20191030-M5", "20191030-M5-fc1-GSR_G5", 1],
        ["Ms1", "MS1_fc1", 1],
        ["Ms4", "Ms4-fc1", 1],
        ["Ms4", "ms4-FC2", 2],
    ]


def test_what_is_left_aside_is_counted_and_the_first_named(tmp_path):
    touch(tmp_path, "Ms1-fc1.mat", "ATLAS.mat", "Ms1-rest.MAT", "notes.txt", "old/x.mat", "old/paxinos.mat")
    (note,) = local_notes(tmp_path, ["Ms1"])
    assert f"{tmp_path}: 3 .mat files are left aside" in note
    assert f"the first is '{tmp_path / 'Ms1-rest.MAT'}'" in note
    # An atlas that the configuration names is used.
    (note,) = local_notes(tmp_path, ["Ms1"], tmp_path / "old" / "paxinos.mat")
    assert "2 .mat files" in note
    touch(tmp_path / "sound", "Ms1-fc1.mat", "atlas.mat")
    assert local_notes(tmp_path / "sound", ["Ms1"]) == []
    assert "\n" not in left_aside(["a\nb.mat"], "list", [".mat"])[0]


@pytest.mark.parametrize(
    ("mice", "alike"),
    [
        (["191030-M5", "191107-M5", "Ms5"], "191030-M5, 191107-M5"),
        (["20191030-m5", "191107-M5", "191107-M6"], "20191030-m5, 191107-M5"),
        (["Ms1", "Ms01", "Ms10", "Ms100", "Ms1000"], "Ms1, Ms01"),
        (["M1005", "M15", "M105"], None),
        (["Ms1", "Ms2", "Ms12"], None),
    ],
)
def test_mice_that_may_be_one_are_named(mice, alike):
    lines = alike_mice(mice)
    assert len(lines) == (alike is not None)
    assert all(f"mice {alike} may be one animal" in line and "sheet" in line for line in lines)


def test_one_file_for_two_mice_is_refused(tmp_path):
    touch(tmp_path, "rec/Ms1-fc1.mat", "rec/Ms3-fc1.mat")
    (tmp_path / "rec" / "Ms2-fc1.mat").symlink_to("Ms1-fc1.mat")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(
        "mouse\trecording\tpath\nA\ta\trec/Ms3-fc1.mat\nB\tb\trec/Ms1-fc1.mat\nC\tc\trec/../rec/Ms1-fc1.mat\n"
    )
    for source, first, second in (
        (tmp_path / "rec", "Ms1-fc1.mat (mouse Ms1)", "Ms2-fc1.mat (mouse Ms2)"),
        (sheet, "rec/Ms1-fc1.mat (mouse B)", "rec/../rec/Ms1-fc1.mat (mouse C)"),
    ):
        with pytest.raises(InputError) as caught:
            local_recordings(source)
        assert f"{first} and " in str(caught.value)
        assert f"{second} are one file, expected another recording in each" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("191032-{recording}-fc1.mat", "the name '191032-{recording}' is not usable, expected letters, digits"),
        ("191032-M5-fc1-=cmd|calc.mat", "the name '191032-M5-fc1-=cmd|calc' is not usable"),
        (f"191032-{'M' * 120}-fc1.mat", "(127 characters) is not usable"),
        ("{mouse}/Ms1-fc1.mat", "is not usable, expected a path of text without braces"),
        ("a\nb/Ms1-fc1.mat", "a\\nb/Ms1-fc1.mat' is not usable, expected a path"),
    ],
)
def test_names_that_would_be_taken_for_something_else_are_refused(tmp_path, name, message):
    touch(tmp_path, name)
    with pytest.raises(InputError) as caught:
        local_recordings(tmp_path)
    assert message in str(caught.value)


def test_a_folder_that_cannot_be_searched_is_no_empty_one(tmp_path, monkeypatch):
    touch(tmp_path, "Ms1-fc1.mat", "closed/Ms2-fc1.mat")
    scandir = os.scandir

    def closed(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(InputError, match="closed: cannot be searched for recordings .Permission denied.; make the fol"):
        local_recordings(tmp_path)


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
        (
            "mouse,recording,path\nM7,day,a.mat\n",
            "column mouse, recording, path is missing, found mouse,recording,path, "
            "expected tabs between the columns, not commas",
        ),
        ("mouse\trecording\tpath\nM7\tday\tgone.mat\n", "gone.mat does not exist"),
        ("mouse\trecording\tpath\nM7\t\ta.mat\n", "line 2, column recording: found nothing, expected text; correct it"),
        ("mouse\trecording\tpath\n", "there is no row below the header"),
        ("mouse\trecording\tpath\nM7\tx/y\ta.mat\n", "line 2: the name 'x/y' is not usable, expected letters, digits"),
        ("mouse\trecording\tpath\n..\tday\ta.mat\n", "line 2: the name '..' is not usable"),
        ("mouse\trecording\tpath\nall\tday\ta.mat\n", "line 2: the name 'all' is not usable"),
        ("mouse\trecording\tpath\n=cmd|calc\tday\ta.mat\n", "line 2: the name '=cmd|calc' is not usable"),
        (f"mouse\trecording\tpath\n{'M' * 300}\tday\ta.mat\n", "the name 'MMMMMMMMMMMMMMMMMMMM'... (300 characters)"),
        ("mouse\trecording\tpath\nM7\tday\t{x}/a.mat\n", "line 2: the path '{x}/a.mat' is not usable, expected a path"),
        ("mouse\trecording\tpath\nM7\tday\t=a.mat\n", "line 2: the path '=a.mat' is not usable"),
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
    with pytest.raises(
        InputError, match="stand for the same place in the session of mouse Ms3; rename one of them, or"
    ):
        local_recordings(tmp_path)


def test_a_recording_is_no_sheet(tmp_path):
    touch(tmp_path, "Ms3-fc1.MAT")
    with pytest.raises(InputError, match=r"Ms3-fc1.MAT has a recording's name, expected a folder with recordings or a"):
        local_recordings(tmp_path / "Ms3-fc1.MAT")


@pytest.mark.parametrize("path", [None, "does-not-exist"])
def test_missing_path_is_named(path):
    with pytest.raises(InputError, match="dataset.local.path"):
        local_recordings(path)


def test_atlas_is_found_by_name_at_any_level(tmp_path):
    with pytest.raises(InputError, match="found 0 files named atlas.mat, expected one; name the file in dataset.atlas"):
        find_atlas(tmp_path)
    touch(tmp_path, "deep/down/atlas.mat")
    assert find_atlas(tmp_path) == str(tmp_path / "deep/down/atlas.mat")
