"""Every file that a run makes is listed in the README of its folder, and every file that these list is made."""

import re

import pytest

from .conftest import ROOT, TINY, overlaid

# Of recordings from the database, of a run that is under way, or of Snakemake's report.
MADE_ELSEWHERE = {
    "resources/<run>/index.tsv",
    "resources/<run>/index_notes.txt",
    "results/<run>/<experiment>/fold-<k>/training-state.npz",
    "results/<run>/report.html",
    "results/.made/<file>.json",
}


def listed(folder: str) -> dict[str, re.Pattern]:
    """Path as the README's table shows it -> what it stands for."""
    found = {}
    for cell in re.findall(r"^\| (`.*?) \|", (ROOT / folder / "README.md").read_text(), flags=re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        # The others lie beside the first.
        parent = first.rpartition("/")[0]
        for path in (first, *(other if other.startswith("<run>") else f"{parent}/{other}" for other in others)):
            pattern = re.sub(r"<\w+>|\\\*", "[^/]+", re.escape(path))
            found[f"{folder}/{path}"] = re.compile(f"{folder}/{pattern}" + ("?.*" if path.endswith("/") else ""))
    return found


@pytest.fixture
def made(workflow) -> list[str]:
    """All that a run would make, on demand too."""
    graphs, pooled = {"kind": "mvg-cnn"}, {"protocol": "pooled"}
    experiments = {
        "main": {},
        "graphs": {"folds": pooled, "model": graphs},
        "parcels": {"folds": pooled, "model": {**graphs, "regions": "each"}},
    }
    workflow.configure(overlaid(TINY, {"analysis": {"matlab": True}, "experiments": experiments}))
    asked = ("paper", "movies", "results/tiny/main/movies/wake.gif", "matlab", "downloads")
    lines = workflow.run("--summary", *asked).stdout.splitlines()
    return [line.split("\t")[0] for line in lines if "\t" in line][1:]


def test_what_is_made_is_listed_and_what_is_listed_is_made(made):
    patterns = {**listed("results"), **listed("resources")}
    assert len(made) > 80
    unlisted = [path for path in made if not any(pattern.fullmatch(path) for pattern in patterns.values())]
    assert not unlisted, "\n".join(unlisted)
    unmade = {path for path, pattern in patterns.items() if not any(map(pattern.fullmatch, made))}
    assert unmade - MADE_ELSEWHERE == set()
