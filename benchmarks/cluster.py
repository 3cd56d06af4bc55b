"""What a cluster gets from the whole study: submissions with and without groups, and what planning them takes.

Twelve mice of twelve runs, as empty files; jobs are submitted to a command that counts them and runs none. Prints the
table that benchmarks/README.md keeps. Everything happens in a temporary folder.
"""

import importlib.util
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def stand_ins(folder: Path) -> None:
    """Write the configuration of the paper for recordings that are empty files."""
    for mouse in range(1, 13):
        (folder / f"recordings/Ms{mouse}").mkdir(parents=True)
        for run in range(1, 13):
            (folder / f"recordings/Ms{mouse}/Ms{mouse}-fc{run}.mat").touch()
    (folder / "recordings/atlas.mat").touch()
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["dataset"] |= {"source": "local", "local": {"path": str(folder / "recordings")}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def snakemake(folder: Path, *arguments: str) -> tuple[str, float, float]:
    """Run Snakemake with the profile for any scheduler; what it said, seconds, largest memory in GB."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--directory",
        str(folder),
        "--configfile",
        str(folder / "config.yaml"),
    ]
    profile = ["--workflow-profile", "workflow/profiles/generic"]
    said = folder / "said.txt"
    started = time.monotonic()
    with said.open("w") as output:
        process = subprocess.Popen(
            [*command, *profile, *arguments, "--", "paper"], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(said.read_text()[-4000:])
    return said.read_text(), time.monotonic() - started, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    if importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None:
        print("needs snakemake-executor-plugin-cluster-generic, which comes with the extra `cluster`")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stand_ins(folder)
        plan, plan_s, plan_gb = snakemake(folder, "--dry-run")
        # The table of jobs counts the target itself, which is not submitted.
        n_jobs = int(re.findall(r"^total +(\d+)$", plan, flags=re.MULTILINE)[-1]) - 1

        submit = folder / "submit"
        submit.write_text(f"#!/bin/sh\necho >> {folder}/submissions\necho 1\n")
        submit.chmod(0o755)
        immediately = ["--immediate-submit", "--notemp", "--jobs", "100000"]
        _, submit_s, _ = snakemake(folder, "--cluster-generic-submit-cmd", str(submit), *immediately)
        n_submissions = len((folder / "submissions").read_text().splitlines())
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| what | measured | at most |")
    print("|---|---|---|")
    print(f"| submissions without groups: jobs of the whole study, 12 mice x 12 runs | {n_jobs} | |")
    print(f"| submissions with groups | {n_submissions} | 999 |")
    print(f"| plan it with the profile (s) | {plan_s:.1f} | 60 |")
    print(f"| memory of the plan (GB) | {plan_gb:.2f} | 2 |")
    print(f"| submit all of it to a command that answers at once (s) | {submit_s:.0f} | |")


if __name__ == "__main__":
    main()
