"""What is installed is said in pyproject.toml, lock files, conda environments and imports: here they must agree."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROFILE = ROOT / "workflow" / "profiles" / "default"

LOCKS = {
    "cpu.txt": ["cpu"],
    "gpu.txt": ["gpu"],
    "cluster.txt": ["cpu", "cluster"],
    "dev.txt": ["cpu", "test", "lint", "benchmark"],
}
PLATFORMS = [
    {
        "python_version": version,
        "python_full_version": f"{version}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    | {"platform_machine": machine, "os_name": "posix", "extra": ""}
    for version in ("3.11", "3.12")
    for machine in ("x86_64", "aarch64")
]
# The distribution of a package that is imported by another name.
DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml"}
# Keras backends that run instead of TensorFlow, if the user has installed them.
OTHER_BACKENDS = {"jax", "torch"}


def declared(*extras: str) -> dict[str, Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


# --- lock files ---


def locked(text: str) -> list[tuple[Requirement, list[str]]]:
    """Requirements of a lock file, each with its hashes."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [entry for entry in "\n".join(lines).replace("\\\n", " ").splitlines() if entry.strip()]
    return [
        (Requirement(entry.split(" --hash=")[0].strip()), re.findall(r"--hash=(sha256:[0-9a-f]{64})(?!\S)", entry))
        for entry in entries
    ]


def pins(text: str, platform: dict[str, str]) -> dict[str, str]:
    """Version of each package that a lock file installs on a platform."""
    versions = {}
    for requirement, _ in locked(text):
        if requirement.marker is None or requirement.marker.evaluate(platform):
            name = canonicalize_name(requirement.name)
            assert name not in versions, f"{name} is pinned twice for {platform}"
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", requirement
            versions[name] = specifier.version
    return versions


def addresses(text: str) -> list[str]:
    """Lines that bind a text to a registry or to a machine."""
    tied = re.compile(r"\w+://|file:|--(extra-)?index|--find-links|--trusted-host|(^|[\s\"'=@])(/|~/|\.\./)\w")
    return [line for line in text.splitlines() if tied.search(line)]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://registry.example/simple",
        "--extra-index-url=registry.example",
        "--find-links wheels",
        "numpy @ file:wheels/numpy.whl",
        "    # via -r /home/me/requirements.in",
        "/wheels/numpy.whl",
    ],
)
def test_address_is_seen(line):
    assert addresses(f"numpy==2.0\n{line}\n    # via -c requirements/dev.txt\n") == [line]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_registry_and_no_machine(name):
    assert addresses((ROOT / "requirements" / name).read_text()) == []


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_and_hashes_everything(name):
    entries = locked((ROOT / "requirements" / name).read_text())
    assert len(entries) > len(PROJECT["dependencies"])
    assert [str(requirement) for requirement, hashes in entries if not hashes] == []
    assert [str(requirement) for requirement, _ in entries if requirement.url] == []


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda p: f"{p['python_version']}-{p['platform_machine']}")
@pytest.mark.parametrize("name", LOCKS)
def test_lock_satisfies_pyproject(name, platform):
    versions = pins((ROOT / "requirements" / name).read_text(), platform)
    wrong = {
        package: versions.get(package)
        for package, requirement in declared(*LOCKS[name]).items()
        if package not in versions or versions[package] not in requirement.specifier
    }
    assert wrong == {}, "run `make lock`"


def test_locks_agree_with_each_other():
    cpu, gpu, cluster, dev = (pins((ROOT / "requirements" / name).read_text(), PLATFORMS[0]) for name in LOCKS)
    assert cpu.items() <= dev.items()
    assert cpu.items() <= gpu.items()
    # Installed into the environment of the tests, it changes nothing there.
    assert cpu.items() <= cluster.items()
    assert {name: cluster[name] for name in cluster.keys() & dev.keys()}.items() <= dev.items()
    assert any(name.startswith("nvidia-cudnn") for name in gpu.keys() - cpu.keys())


# --- conda environments ---


def environment(path: Path) -> dict[str, SpecifierSet]:
    """Bounds of each package of a conda environment, installed by conda or by pip."""
    entries = yaml.safe_load(path.read_text())["dependencies"]
    lines = [entry for entry in entries if isinstance(entry, str)]
    lines += [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements}


ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def test_there_is_an_environment_for_each_kind_of_step():
    assert [path.stem for path in ENVIRONMENTS] == ["base", "figures", "tensorflow"]


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_has_the_bounds_of_pyproject(path):
    found = environment(path)
    found.pop("pip", None)
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    bounds = {name: requirement.specifier for name, requirement in declared("cpu").items()}
    assert found == {name: bounds.get(name) for name in found}


def test_environments_hold_every_dependency_of_a_step():
    together = set().union(*(environment(path) for path in ENVIRONMENTS)) - {"pip", "python"}
    assert together == declared("cpu").keys() - {"snakemake"}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_names_no_registry_and_no_machine(path):
    assert addresses(path.read_text()) == []


# --- imports ---


def imported(source: str) -> set[str]:
    """Top-level packages that a source imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_imports_are_seen_inside_functions():
    assert imported("import a.b\nfrom c.d import e\nfrom . import f\ndef g():\n    import h") == {"a", "c", "h"}


def test_every_import_is_declared():
    sources = [path.read_text() for path in (ROOT / "workflow" / "scripts").rglob("*.py")]
    names = set().union(*map(imported, sources)) - set(sys.stdlib_module_names) - OTHER_BACKENDS - {"wfci_sleep"}
    assert "numpy" in names
    assert {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in names} - declared("cpu").keys() == set()


# --- metadata ---


def test_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert {"10.13026/prp1-2d11", "10.1016/j.jneumeth.2024.110250"} <= {work["doi"] for work in citation["references"]}


# --- Makefile ---


def make(folder: Path, *arguments: str) -> str:
    # MAKEFLAGS: these tests themselves run below make.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    run = subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=environment, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile and the lock files, without an environment."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def test_make_alone_lists_the_targets(checkout):
    listed = {line.split()[0] for line in make(checkout).splitlines() if line.startswith("  ")}
    assert listed >= {".venv", "demo", "test", "lint", "benchmark", "lock", "clean", "help"}


def test_killed_installation_is_not_taken_for_finished(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    assert "pip install" in make(checkout, "--dry-run", ".venv")


def test_finished_installation_is_kept_until_the_lock_changes(checkout):
    stamp = checkout / ".venv" / "installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert "pip install" not in make(checkout, "--dry-run", ".venv")
    later = time.time() + 10
    os.utime(checkout / "requirements" / "dev.txt", (later, later))
    assert "pip install" in make(checkout, "--dry-run", ".venv")


def test_benchmark_runs_every_program(checkout):
    (checkout / "benchmarks").mkdir()
    assert "no program" in make(checkout, "--old-file=.venv", "benchmark")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name in ("one", "two"):
        (checkout / "benchmarks" / f"{name}.py").write_text(f"print('measured {name}')")
    output = make(checkout, "--old-file=.venv", "benchmark")
    assert output.index("measured one") < output.index("measured two")


# --- Snakemake's profile ---

TOY = """
rule all:
    input:
        "made.txt",


rule make_it:
    output:
        "made.txt",
    shell:
        "touch started.txt && [ -e quick.txt ] || sleep 60; touch {output}"
"""


def snakemake(folder: Path, profile: Path | str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--directory", str(folder), "--snakefile", str(folder / "Snakefile")] + [
        *("--cores", "1", "--workflow-profile", str(profile))
    ]


def finished(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_profile_with_an_unknown_key_would_be_refused(tmp_path):
    (tmp_path / "Snakefile").write_text(TOY)
    (tmp_path / "quick.txt").touch()
    broken = shutil.copytree(PROFILE, tmp_path / "profile") / "config.yaml"
    assert finished(snakemake(tmp_path, broken.parent)).returncode == 0
    broken.write_text(broken.read_text() + "\nno-such-option: true\n")
    assert finished(snakemake(tmp_path, broken.parent)).returncode != 0


def test_profile_lets_a_run_follow_a_killed_one(tmp_path):
    (tmp_path / "Snakefile").write_text(TOY)
    killed = subprocess.Popen(
        snakemake(tmp_path, "none"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "started.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    (tmp_path / "quick.txt").touch()

    without = finished(snakemake(tmp_path, "none"))
    assert without.returncode != 0
    assert "lock" in without.stderr.lower()
    within = finished(snakemake(tmp_path, PROFILE))
    assert within.returncode == 0, within.stderr
    assert (tmp_path / "made.txt").exists()
