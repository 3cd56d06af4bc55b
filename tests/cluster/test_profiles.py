"""The profiles of clusters without a cluster: every rule is in them, and every option is one that Snakemake has."""

import importlib.util
import re

import pytest
import yaml
from snakemake.profiles import ProfileConfigFileParser
from workflow.conftest import ROOT

from .conftest import PROFILES

PLUGINS = {"slurm": "slurm", "generic": "cluster-generic", "kubernetes": "kubernetes"}
# What the profiles of clusters must have of the default one.
SAFE = ("nolock", "rerun-incomplete", "rerun-triggers", "scheduler", "printshellcmds")


def read(name, monkeypatch):
    """A profile's options, as Snakemake reads them: from the folder of the Snakefile."""
    monkeypatch.chdir(ROOT)
    with open(PROFILES / name / "config.yaml") as file:
        return ProfileConfigFileParser().parse(file)


def rules():
    """Names of the rules that make something, and the lines of each; those of figures have none in the text."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
    parts = re.split(r"^ *(?:rule|checkpoint|use rule \w+ as) (\w+)(?: with)?:", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_asks_for_more_at_each_attempt():
    asked = yaml.safe_load((PROFILES / "slurm" / "config.yaml").read_text())["set-resources"]
    assert asked.keys() == rules().keys()
    for rule, resources in asked.items():
        first, second = ({name: eval(of, {"attempt": n}) for name, of in resources.items()} for n in (1, 2))
        assert all(second[name] >= 2 * first[name] for name in ("mem_mb", "runtime")), rule


def test_figures_ask_for_more_at_each_attempt_by_themselves():
    figures = (ROOT / "workflow" / "rules" / "figures.smk").read_text().split("for figure in FIGURES.values():")[1]
    for name in ("mem_mb", "runtime"):
        assert re.search(rf"{name}=lambda wildcards, attempt: \d+ \* attempt,", figures)


def test_groups_are_of_rules_and_keep_gpus_and_downloads_out():
    profile = yaml.safe_load((PROFILES / "slurm" / "config.yaml").read_text())
    known = rules()
    assert profile["groups"].keys() <= known.keys()
    assert set(profile["groups"].values()) == profile["group-components"].keys()
    # A group would keep a GPU busy with what needs none, and a download would hold up to six times its connections.
    alone = [rule for rule, text in known.items() if re.search(r"gpu=1|connections=", text)]
    assert {"train", "score", "download_recording"} <= set(alone)
    assert not profile["groups"].keys() & set(alone)


@pytest.mark.parametrize("name", PLUGINS)
def test_options_are_snakemakes_and_the_plugins(name, monkeypatch):
    module = f"snakemake_executor_plugin_{PLUGINS[name].replace('-', '_')}"
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: it comes with the extra `cluster`")
    from snakemake.cli import get_argument_parser

    options = read(name, monkeypatch)
    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    assert [key for key in options if f"--{key}" not in known] == []
    assert options["executor"] == PLUGINS[name]


@pytest.mark.parametrize("name", PLUGINS)
def test_what_keeps_a_run_safe_holds_on_clusters(name, monkeypatch):
    options, local = read(name, monkeypatch), read("default", monkeypatch)
    local.pop("shared-fs-usage")  # where one machine keeps its cache of sources, which nodes share with who submits
    assert {key: options[key] for key in SAFE} == {key: local[key] for key in SAFE} == dict(local)
    slurm = read("slurm", monkeypatch)
    assert all(options[key] == slurm[key] for key in ("groups", "group-components", "set-resources", "retries"))
