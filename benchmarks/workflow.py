"""How long planning the paper, the demo and the small paper take, what the demo needs, and how lower precision learns.

Prints the table that benchmarks/README.md keeps. Everything happens in a temporary folder.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from lib.measuring import has_bfloat16

ROOT = Path(__file__).resolve().parents[1]
CORES = 2
SEEDS = (42, 43, 44, 45)


def snakemake(folder: Path, config: Path, *arguments: str) -> float:
    """Run Snakemake in a folder; wall time in seconds."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", str(config)]
    profile = ["--workflow-profile", str(ROOT / "workflow" / "profiles" / "default")]
    started = time.monotonic()
    subprocess.run([*command, *profile, *arguments], cwd=folder, check=True, capture_output=True)
    return time.monotonic() - started


def plan_the_paper(folder: Path, target: str) -> float:
    """Build the DAG of a target of the paper for twelve mice of twelve runs (stand-in files)."""
    for mouse in range(1, 13):
        (folder / f"recordings/Ms{mouse}").mkdir(parents=True, exist_ok=True)
        for run in range(1, 13):
            (folder / f"recordings/Ms{mouse}/Ms{mouse}-fc{run}.mat").touch()
    (folder / "recordings/atlas.mat").touch()
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["dataset"] |= {"source": "local", "local": {"path": "recordings"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return snakemake(folder, folder / "config.yaml", "--dry-run", "--quiet", "all", "--", target)


def run(folder: Path, name: str, *arguments: str) -> float:
    """Run one of the configurations on synthetic data as the README says."""
    return snakemake(folder, ROOT / f"config/{name}.yaml", "--cores", str(CORES), *arguments)


def validation_kappas(folder: Path) -> dict[str, pd.Series]:
    """Kappa on validation data of every network of the demo that was kept, by precision, over folds and seeds."""
    precisions = ["float32", "mixed_bfloat16"] if has_bfloat16() else ["float32"]
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    config["experiments"] = {
        f"{precision}-{seed}": {"training": {"precision": precision, "seed": seed}}
        for precision in precisions
        for seed in SEEDS
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    histories = {
        precision: [
            f"results/demo/{precision}-{seed}/fold-{fold}/history.csv"
            for seed in SEEDS
            for fold in range(1, config["dataset"]["synthetic"]["mice"] + 1)
        ]
        for precision in precisions
    }
    targets = [path for paths in histories.values() for path in paths]
    snakemake(folder, folder / "config.yaml", "--cores", str(CORES), "--", *targets)
    return {
        precision: pd.Series([kept_kappa(folder / path) for path in paths]) for precision, paths in histories.items()
    }


def kept_kappa(history: Path) -> float:
    """Kappa on validation data in the pass whose weights were kept: that of the lowest loss."""
    passes = pd.read_csv(history)
    return passes["val_kappa"][passes["val_loss"].idxmin()]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "paper").mkdir()
        (folder / "demo").mkdir()
        main_s, paper_s = (plan_the_paper(folder / "paper", target) for target in ("all", "paper"))
        demo_s = run(folder / "demo", "demo", "--report", "report.html", "--report-after-run")
        disk = sum(file.stat().st_size for file in (folder / "demo").rglob("*") if file.is_file())
        small_s = run(folder / "paper", "demo-paper", "--", "paper")
        kappas = validation_kappas(folder / "demo")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| what | measured | at most |")
    print("|---|---|---|")
    print(f"| plan the main experiment, 12 mice x 12 runs (s) | {main_s:.1f} | 15 |")
    print(f"| plan the whole study, 12 mice x 12 runs (s) | {paper_s:.1f} | 45 |")
    print(f"| demo from scratch, {CORES} cores (s) | {demo_s:.0f} | 480 |")
    print(f"| small paper from scratch, {CORES} cores (s) | {small_s:.0f} | 1200 |")
    # Two such processes run at a time, beside Snakemake.
    print(f"| largest process of the demo (GB) | {peak / 1e9:.2f} | 6 for all together |")
    print(f"| files of the demo (GB) | {disk / 1e9:.2f} | 1 |")
    for precision, values in kappas.items():
        spread = f"{values.mean():.3f} ± {values.std():.3f} ({values.min():.3f} to {values.max():.3f})"
        print(f"| validation kappa of the demo's networks in {precision}, mean ± sd (range) | {spread} | |")


if __name__ == "__main__":
    main()
