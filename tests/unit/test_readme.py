"""The README's commands and code do what it says."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("bash") for line in block.splitlines()]


def test_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = [shlex.split(command)[1] for command in COMMANDS if command.startswith("make ")]
    assert named == ["demo", "test"]
    assert set(named) <= set(targets)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README))))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_the_shown_configurations_are_valid():
    from wfci_sleep.run.settings import resolve

    own, first_try = (
        resolve({"run": {"name": "mine"}, **yaml.safe_load(example)}, "README.md")["dataset"]
        for example in blocks("yaml")
    )
    assert own["local"]["path"] == "recordings"
    assert (first_try["source"], first_try["physionet"]["runs_per_mouse"]) == ("physionet", 2)
