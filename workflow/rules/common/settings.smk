# How is this run set up? The configuration, where files lie, the lock of the run, the code behind a step.

import fcntl
import os
import sys
from pathlib import Path

# Folder of this workflow's files; right as well where another workflow imports this one as a module.
HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).parents[1]
if not HERE.is_dir():
    sys.exit(
        f"error: {HERE}: is no folder, expected one: the library lies beside the rules, import them from a checkout"
    )
sys.path.insert(0, str(HERE / "scripts"))

from wfci_sleep.data.names import check_path
from wfci_sleep.errors import InputError
from wfci_sleep.files.disk import LEAST_FREE_BYTES, check_room
from wfci_sleep.preprocessing.windowings import length_sweep, windowing_name, windowings_together
from wfci_sleep.run import settings
from wfci_sleep.run.code import LIBRARY, code_digest


def one_of(names):
    """Regular expression of a wildcard that is one of some names; of none, one that nothing matches.

    An empty expression would be no constraint.
    """
    return "|".join(names) or "(?!)"


# Gives a rule's name in the workflow that imports this one, with its prefix.
named = workflow.modifier.modify_rulename


def name_here(rule):
    """Name of a rule without that prefix."""
    before, after = named("*").split("*")
    return rule.name.removeprefix(before).removesuffix(after)


def stop(line):
    """End the workflow with one line; Snakemake adds none of its own."""
    sys.exit(f"error: {line}")


def or_stop(function, *arguments):
    """Call a function of the library; an InputError stops the workflow with its one line."""
    try:
        return function(*arguments)
    except InputError as error:
        stop(error)


or_stop(check_path, HERE, "the folder of the workflow")
if workflow.modifier.path_modifier.replace_prefix("results") != "results":
    stop("a module's `prefix` and `replace_prefix` do not reach all paths of the workflow; keep runs apart by run.name")
# Snakemake's own notes need room on the disk; its error without room would be a traceback.
or_stop(check_room, ".snakemake/log", LEAST_FREE_BYTES)

CONFIG_FILES = [os.path.relpath(path) for path in workflow.configfiles]
for path in CONFIG_FILES:
    or_stop(settings.refuse_double_keys, Path(path).read_text(encoding="utf-8"), path)
CONFIG_SOURCE = ", ".join(CONFIG_FILES) or "the configuration"
if workflow.config_settings.config_args:
    CONFIG_SOURCE += " with --config"
for given in workflow.config_settings.config_args or []:
    section, _, text = given.partition("=")
    or_stop(settings.refuse_double_keys, text, f"--config {section}")
CONFIG = or_stop(settings.resolve, config, CONFIG_SOURCE)
DATASET = CONFIG["dataset"]
# Whether recordings that cannot be used are left out. A resource of rules, not a param: a change runs nothing again.
LEAVE_OUT_BAD = int(DATASET["on_bad_recording"] == "leave-out")
EXPERIMENTS = CONFIG["experiments"]
# Series -> parcel -> experiment: the experiments that differ in the parcel only. They are shown together.
SERIES = CONFIG["series"]
# The experiments that are shown one by one.
SHOWN = [name for name in EXPERIMENTS if not any(name in members.values() for members in SERIES.values())]
# The experiment that the target `all` makes, and that others are compared with.
MAIN = next((name for name in ("main", *SHOWN) if name in EXPERIMENTS), None) or stop(
    f"{CONFIG_SOURCE}: experiments holds none but those of one parcel each, expected another one beside them"
)
# Experiment -> its protocol, states and kind of network, which decide with what its numbers can be compared.
QUESTIONS = {
    name: {"folds": e["folds"], "labels": e["labels"], "model": {"kind": e["model"]["kind"]}}
    for name, e in EXPERIMENTS.items()
    if name in SHOWN
}
# Kind of network -> experiment -> length in seconds, of the experiments that differ in the length of their windows only.
LENGTHS = length_sweep({name: EXPERIMENTS[name] for name in SHOWN})
# All of these experiments.
OF_LENGTHS = [name for lengths in LENGTHS.values() for name in lengths]
WINDOWINGS = {windowing_name(e["windows"]): e["windows"] for e in EXPERIMENTS.values()}
# Windowings that differ in length only and are cut together, by what their names have in common.
TOGETHER = windowings_together(WINDOWINGS.values(), CONFIG["sweep"]["seconds"])
ALONE = [name for name in WINDOWINGS if not any(name in family for family in TOGETHER.values())]

RUN = CONFIG["run"]["name"]
RESOURCES = f"resources/{RUN}"
RESULTS = f"results/{RUN}"
LOGS = f"logs/{RUN}"
BENCHMARKS = f"benchmarks-of-rules/{RUN}"

PALETTE = CONFIG["figures"]["palette"]
NOTE = "Synthetic data: not a scientific result" if DATASET["source"] == "synthetic" else ""


wildcard_constraints:
    mouse=r"[^/]+",
    recording=r"[^/]+",
    windowing=one_of(WINDOWINGS),
    experiment=one_of(EXPERIMENTS),
    series=one_of(SERIES),
    fold=r"\d+",
    which=r"[^/]+",
    format="mp4|gif",


def hold_run_lock():
    """Let one run at a time work in this folder.

    The kernel gives the lock back when the process ends, however it ends. Snakemake's own lock is a file that outlives
    a killed process and would keep the next run from starting; the default profile switches it off.
    """
    global RUN_LOCK
    RUN_LOCK = open(".snakemake/wfci-sleep.lock", "w")
    try:
        fcntl.flock(RUN_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stop("another run of the workflow is at work in this folder; wait until it has ended")


def only_estimate():
    """Whether the estimate is the only target."""
    return set(workflow.dag_settings.targets) == {named("estimate")}


def same_workflow(wildcards):
    """The command that runs Snakemake on this workflow with this configuration; options and targets are to follow.

    A function of the wildcards, since Snakemake would take braces in a param's text for wildcards.
    """
    files, values = workflow.overwrite_configfiles, workflow.config_settings.config_args
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile),
        *(["--configfile", *map(str, files)] if files else []),
        *(["--config", *values] if values else []),
    ]


def code_of(script, *modules):
    """Digest of a step's code, as one of its params: the step runs again when its code has changed.

    `modules` are those of the library that the step is told to load. The profiles switch off Snakemake's own trigger,
    the time stamp of the script.
    """
    return lambda wildcards: code_digest(LIBRARY.parent / f"{script}.py", *modules)
