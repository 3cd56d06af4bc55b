"""What Snakemake and figures import each time they start stays light."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"
HEAVY = ("tensorflow", "keras", "sklearn", "skimage.transform", "scipy.stats", "scipy.signal", "scipy.io")


def imports(path: Path) -> str:
    """Lines of a file that import from the library."""
    return "\n".join(re.findall(r"^ *(from wfci_sleep\S* import .+)$", path.read_text(), flags=re.MULTILINE))


def loaded(lines: str) -> list[str]:
    """Heavy modules that some imports load, in a fresh Python."""
    code = f"{lines}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=WORKFLOW / "scripts", capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def test_heavy_modules_are_seen():
    assert "sklearn" in loaded("import sklearn.metrics")


def test_the_rules_import_no_heavy_library():
    lines = "\n".join(imports(path) for path in sorted((WORKFLOW / "rules").rglob("*.smk")))
    assert "synthetic" in lines and "catalogue" in lines
    assert loaded(lines) == []


@pytest.mark.parametrize("step", ["hypnogram", "gradcam_parcels", "attention", "fragmentation", "learning"])
def test_figures_wait_for_no_statistics(step):
    lines = f"import wfci_sleep.figures.{step}\n{imports(WORKFLOW / 'scripts' / 'plot_figure.py')}"
    assert "wfci_sleep.figures.style" in lines
    assert loaded(lines) == []
