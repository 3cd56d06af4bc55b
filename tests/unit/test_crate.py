"""The run as an RO-Crate: the package reads it back, and its checksums are those of the files."""

import copy
import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml
from rocrate.rocrate import ROCrate

from wfci_sleep.export.ro_crate import FORMATS, run_crate

CITATION = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
PROVENANCE = {
    "configuration": {
        "run": {"name": "mine"},
        "dataset": {"source": "synthetic"},
        "experiments": {"main": {"windows": {"seconds": 10}}, "short": {"windows": {"seconds": 2}}},
    },
    "software": {"python": "3.11.7", "snakemake": "9.1.2", "numpy": "2.4.6", "focal-loss": None},
    "code": {"predictions": [{"commit": "c0ffee", "changes": False}], "others": []},
    "data_are_synthetic": True,
    "inputs": {
        "atlas": {"sha256": "a" * 64},
        "recordings": [
            {
                "mouse": "Ms1",
                "recording": "fc1",
                "order": 1,
                "path": "/somewhere/fc1.mat",
                "sha256": "b" * 64,
                "epochs": 9,
            },
            {
                "mouse": "Ms2",
                "recording": "fc1",
                "order": 1,
                "path": "/somewhere/x.mat",
                "sha256": "c" * 64,
                "epochs": 7,
            },
        ],
        "weights": [{"path": "given/ckpt.index", "sha256": "d" * 64}],
    },
}
FILES = {
    "provenance.json": "{}",
    "methods.md": "# Methods",
    "main/metrics.tsv": "metric\tvalue\n",
    "main/fold-1/model.keras": "a network",
    "main/figures/hypnogram-Ms 1.svg": "<svg/>",
    "main/figures/hypnogram-Ms 1.png": "a picture",
}


@pytest.fixture
def folder(tmp_path):
    for place, (name, text) in enumerate(FILES.items()):
        path = tmp_path / "results" / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1_700_000_000 + place, 1_700_000_000 + place))
    return tmp_path / "results" / "mine"


def described(folder, provenance=PROVENANCE, files=tuple(FILES), citation=CITATION) -> str:
    crate = run_crate(folder, [folder / name for name in files], provenance, citation)
    return json.dumps(crate.metadata.generate(), indent=2)


def read_back(folder, *arguments, **options) -> ROCrate:
    (folder / "ro-crate-metadata.json").write_text(described(folder, *arguments, **options))
    return ROCrate(folder)


def test_every_file_is_there_with_its_checksum(folder):
    crate = read_back(folder)
    files = crate.get_by_type("File")
    assert {entity["name"] for entity in files} == set(FILES)
    assert {entity.id for entity in files} == {part.id for part in crate.root_dataset["hasPart"]}
    for entity in files:
        path = folder / entity["name"]
        assert entity["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert entity["contentSize"] == str(len(FILES[entity["name"]]))
        assert entity["encodingFormat"] == FORMATS[path.suffix]
        assert entity["description"]
    assert crate.get("main/figures/hypnogram-Ms%201.svg")["encodingFormat"] == "image/svg+xml"


def test_inputs_are_named_by_their_checksums(folder):
    run = read_back(folder).get("#run")
    checksums = {entity["name"]: entity.get("sha256") for entity in run["object"]}
    assert checksums["atlas"] == "a" * 64
    assert [entity.get("sha256") for entity in run["object"] if entity["name"] == "fc1"] == ["b" * 64, "c" * 64]
    assert "/somewhere" not in described(folder)


def test_settings_are_inputs(folder):
    values = {
        entity["name"]: json.loads(entity["value"])
        for entity in read_back(folder).get("#run")["object"]
        if entity.type == "PropertyValue"
    }
    configuration = PROVENANCE["configuration"]
    assert values.pop("experiments.short") == configuration["experiments"]["short"]
    assert values.pop("experiments.main") == configuration["experiments"]["main"]
    assert values == {name: configuration[name] for name in ("run", "dataset")}


def test_the_run_lasts_from_the_oldest_file_to_the_newest(folder):
    crate = read_back(folder)
    run = crate.get("#run")
    assert (run["startTime"], run["endTime"]) == ("2023-11-14T22:13:20+00:00", "2023-11-14T22:13:25+00:00")
    assert crate.root_dataset["datePublished"] == run["endTime"]
    assert crate.root_dataset["mentions"] == run
    assert {entity["name"] for entity in run["result"]} == set(FILES)


def test_the_workflow_is_named_by_its_commit(folder):
    workflow = read_back(folder).get("#run")["instrument"]
    assert {"ComputationalWorkflow", "SoftwareSourceCode"} == set(workflow.type)
    assert workflow["version"] == "c0ffee"
    assert "Snakefile" in workflow["description"]
    assert "not committed" not in workflow["description"]
    assert workflow["license"].id == "https://spdx.org/licenses/MIT"
    assert [work.id for work in workflow["citation"]] == [
        f"https://doi.org/{work['doi']}" for work in CITATION["references"]
    ]
    versions = {software["name"]: software["softwareVersion"] for software in workflow["softwareRequirements"]}
    assert versions == {"python": "3.11.7", "snakemake": "9.1.2", "numpy": "2.4.6"}


def test_changes_that_were_not_committed_are_told(folder):
    code = {"predictions": [{"commit": "c0ffee", "changes": True}], "others": []}
    assert "not committed" in read_back(folder, {**PROVENANCE, "code": code}).get("#workflow")["description"]


def test_several_commits_and_versions_are_all_told(folder):
    code = {
        "predictions": [{"commit": "c0ffee", "changes": False}, {"commit": "beef", "changes": False}],
        "others": [{"commit": "cafe", "changes": True}],
    }
    crate = read_back(folder, {**PROVENANCE, "code": code, "software": {"numpy": "2.1.0, 2.2.0"}})
    workflow = crate.get("#workflow")
    assert workflow["version"] == "c0ffee, beef"
    assert "other code made other files" in workflow["description"]
    assert "not committed" not in workflow["description"]
    versions = [software["softwareVersion"] for software in workflow["softwareRequirements"]]
    assert versions == ["2.1.0", "2.2.0"]


def test_outside_of_a_checkout_the_version_stands_in_for_the_commit(folder):
    code = {"predictions": [{"commit": None, "changes": None}], "others": []}
    assert read_back(folder, {**PROVENANCE, "code": code}).get("#workflow")["version"] == CITATION["version"]


@pytest.mark.parametrize("source", ["synthetic", "local", "physionet"])
def test_the_source_is_told(folder, source):
    provenance = copy.deepcopy(PROVENANCE) | {"data_are_synthetic": source == "synthetic"}
    provenance["configuration"]["dataset"] = {"source": source, "physionet": {"slug": "a-database", "version": "2.3"}}
    crate = read_back(folder, provenance)
    for identifier in ("./", "#run", "#recording-Ms1-fc1"):
        assert ("synthetic" in crate.get(identifier)["description"]) == (source == "synthetic")
    told = crate.get("#recording-Ms1-fc1")["description"]
    assert ("a-database, version 2.3, of PhysioNet" in told) == (source == "physionet")
    assert ("own" in told) == (source == "local")


def test_a_changed_output_changes_its_checksum_and_nothing_else(folder):
    before = json.loads(described(folder))
    path = folder / "main" / "metrics.tsv"
    times = path.stat().st_mtime
    path.write_text("metric\tvaluf\n")
    os.utime(path, (times, times))
    after = json.loads(described(folder))
    changed = [(old, new) for old, new in zip(before["@graph"], after["@graph"], strict=True) if old != new]
    assert len(changed) == 1
    old, new = changed[0]
    assert old["@id"] == "main/metrics.tsv"
    assert old.pop("sha256") != new.pop("sha256")
    assert old == new


def test_the_same_run_gives_the_same_crate(folder):
    assert described(folder) == described(folder, files=reversed(FILES))


def test_files_that_are_not_there_are_left_out(folder):
    (folder / "main" / "figures" / "hypnogram-Ms 1.svg").unlink()
    assert "main/figures/hypnogram-Ms 1.svg" not in {entity["name"] for entity in read_back(folder).get_by_type("File")}


def test_files_outside_of_the_run_count_for_its_times_only(folder):
    outside = folder.parents[1] / "recordings.tsv"
    outside.write_text("mouse\n")
    os.utime(outside, (1_600_000_000, 1_600_000_000))
    crate = run_crate(folder, [outside, *(folder / name for name in FILES)], PROVENANCE, CITATION)
    assert crate.get("#run")["startTime"] == "2020-09-13T12:26:40+00:00"
    assert "recordings.tsv" not in json.dumps(crate.metadata.generate())
