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
from importlib import metadata
from importlib.util import cache_from_source
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
    "demo.txt": ["cpu"],
    "cpu.txt": ["cpu", "movies"],
    "gpu.txt": ["gpu", "movies"],
    "cluster.txt": ["cpu", "movies", "cluster"],
    "cluster-gpu.txt": ["gpu", "movies", "cluster"],
    "dev.txt": ["cpu", "movies", "test", "lint", "benchmark"],
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
    # TensorFlow without GPUs is a package of its own on x86-64, and only one of the two may be installed.
    if "tensorflow-cpu" in versions:
        assert "tensorflow" not in versions
        versions["tensorflow"] = versions["tensorflow-cpu"]
    wrong = {
        package: versions.get(package)
        for package, requirement in declared(*LOCKS[name]).items()
        if package not in versions or versions[package] not in requirement.specifier
    }
    assert wrong == {}, "run `make lock`"


def test_locks_agree_with_each_other():
    locks = {name: pins((ROOT / "requirements" / name).read_text(), PLATFORMS[0]) for name in LOCKS}
    # Each of these is installed over the one before, into the same environment, and changes nothing there.
    assert locks["demo.txt"].items() <= locks["cpu.txt"].items() <= locks["dev.txt"].items()
    assert locks["cpu.txt"].items() <= locks["cluster.txt"].items()
    assert locks["gpu.txt"].items() <= locks["cluster-gpu.txt"].items()
    versions = {}
    for lock in locks.values():
        for package, version in lock.items():
            assert versions.setdefault(package, version) == version
    gpu = {name for name in locks["gpu.txt"] if name.startswith("nvidia-cudnn")}
    assert gpu
    assert not gpu & locks["cpu.txt"].keys()
    # What the demo needs, and no more.
    assert not {"jax", "playwright", "tf-keras", "tensorflow", "imageio-ffmpeg", "pytest"} & locks["demo.txt"].keys()


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_all_that_it_needs(name):
    """Make installs without resolving; the exceptions are those of requirements/tensorflow-cpu.in."""
    wanted = pins((ROOT / "requirements" / name).read_text(), PLATFORMS[0])
    missing = {
        canonicalize_name(requirement.name)
        for package in wanted
        for requirement in _requirements(package)
        if canonicalize_name(requirement.name) not in wanted
    }
    assert missing <= ({"tensorflow", "libclang"} if "tensorflow-cpu" in wanted else set())


def _requirements(package: str) -> list[Requirement]:
    """What an installed package needs on this machine, extras aside; nothing of one that is not installed."""
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []
    found = map(Requirement, lines)
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]


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
    bounds = {name: requirement.specifier for name, requirement in declared("cpu", "movies").items()}
    assert found == {name: bounds.get(name) for name in found}


def test_environments_hold_every_dependency_of_a_step():
    together = set().union(*(environment(path) for path in ENVIRONMENTS)) - {"pip", "python"}
    assert together == declared("cpu", "movies").keys() - {"snakemake"}


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


def make(folder: Path, *arguments: str, timeout: int = 60) -> str:
    # MAKEFLAGS: these tests themselves run below make.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=timeout)
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
    (checkout / ".venv").mkdir()
    for stamp in ("demo", "cpu", "dev"):
        (checkout / ".venv" / stamp).touch()
    assert "pip install" not in make(checkout, "--dry-run", ".venv", "demo")
    later = time.time() + 10
    os.utime(checkout / "requirements" / "dev.txt", (later, later))
    assert "requirements/dev.txt" in make(checkout, "--dry-run", ".venv")
    # What the tests need is no concern of the demo's.
    assert "pip install" not in make(checkout, "--dry-run", "demo")
    os.utime(checkout / "requirements" / "demo.txt", (later, later))
    assert "requirements/demo.txt" in make(checkout, "--dry-run", "demo")


def announced(output: str) -> tuple[int, float, float]:
    """Packages, GB to fetch and GB of disk that make announces before it installs."""
    costs = r"^Installing .*: (\d+) packages, ([\d.]+) GB to fetch, ([\d.]+) GB of disk"
    found = re.search(costs, output, re.MULTILINE)
    return int(found[1]), float(found[2]), float(found[3])


def test_make_announces_what_it_installs(checkout):
    lines = make(checkout, "--dry-run", ".venv").splitlines()
    announcements = [number for number, line in enumerate(lines) if "Installing" in line]
    assert all("pip install" in "\n".join(lines[number:]) for number in announcements)
    demo, dev = (announced(lines[number].removeprefix('echo "')) for number in announcements)
    locks = {name: pins((ROOT / "requirements" / name).read_text(), PLATFORMS[0]) for name in ("demo.txt", "dev.txt")}
    assert demo[0] == pytest.approx(len(locks["demo.txt"]), abs=3)
    assert demo[0] + dev[0] == pytest.approx(len(locks["dev.txt"]), abs=5)
    # pip's own lines are its progress.
    assert "--quiet" not in next(line for line in lines if "requirements/demo.txt" in line)


def on_disk(package: str) -> int:
    """Bytes that an installed package takes, with what Python has compiled of it."""
    files = [Path(file.locate()) for file in metadata.distribution(package).files or []]
    compiled = [Path(cache_from_source(file)) for file in files if file.suffix == ".py"]
    there = {file for file in (*files, *compiled) if file.is_file() and "tensorflow/include" not in str(file)}
    return sum(file.stat().st_blocks * 512 for file in there)


def test_environment_of_the_demo_is_small(checkout):
    """At most half of the 3,495 MiB that it once took; its packages are among those of this environment.

    That they are all that the demo needs is seen by `.ci/run`, which runs the demo before it installs any more.
    """
    lock = pins((ROOT / "requirements" / "demo.txt").read_text(), PLATFORMS[0])
    size = sum(map(on_disk, [*lock, "pip"])) + 2**24  # for the folders
    assert size <= 3495 * 2**20 / 2
    said = make(checkout, "--dry-run", ".venv/demo").replace('echo "', "")
    assert announced(said)[2] == pytest.approx(size / 1e9, rel=0.1)


def test_what_is_installed_is_compiled(checkout):
    """Whatever the environment says: TensorFlow's import takes three times as long when it is not."""
    said = make(checkout, "--dry-run", ".venv").splitlines()
    installations = [number for number, line in enumerate(said) if "pip install" in line]
    assert len(installations) == 3
    for first, following in zip(installations, [*installations[1:], len(said)], strict=True):
        assert any("compileall" in line for line in said[first:following])
    # All of a package, not only what a test has happened to import.
    files = [file for file in metadata.distribution("keras").files if file.suffix == ".py"]
    modules = [Path(file.locate()) for file in files if "tests" not in file.parts]
    assert len(modules) > 500
    assert [path for path in modules if not Path(cache_from_source(path)).is_file()] == []


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
