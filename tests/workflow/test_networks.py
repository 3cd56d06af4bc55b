"""Two kinds of networks in one run: what is made of each, and what both are shown in."""

from finished_run import finished_run

from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import AGREEMENT, GRADCAM_LINKS

EXPERIMENTS = {
    "main": {"analysis": {"networks": ["graphs"]}},
    "graphs": {"windows": {"seconds": 1}, "model": {"kind": "mvg-cnn"}},
}
RESULTS = "results/tiny"


def test_both_networks_stand_beside_the_human_and_links_are_explained(workflow, without_tensorflow):
    finished_run(workflow.folder, {"experiments": EXPERIMENTS})
    shown = [f"{RESULTS}/main/figures/{name}.svg" for name in ("hypnogram-Ms1", "fragmentation")]
    workflow.run(*shown, f"{RESULTS}/graphs/figures/gradcam_links.svg", f"{RESULTS}/graphs/gradcam_links.tsv")
    for name in shown:
        figure = workflow.read(name)
        assert all(rater in figure for rater in ("CNN-BiLSTM", "MVG-CNN", "Human"))
    agreement = read_table(workflow.path(f"{RESULTS}/main/agreement.tsv"), AGREEMENT)
    pairs = set(zip(agreement["scorer_a"], agreement["scorer_b"], strict=True))
    assert pairs == {("cnn-bilstm", "mvg-cnn"), ("cnn-bilstm", "human"), ("mvg-cnn", "human")}
    links = read_table(workflow.path(f"{RESULTS}/graphs/gradcam_links.tsv"), GRADCAM_LINKS)
    assert links["mouse"].nunique() == 3
    assert not [*workflow.path(f"{RESULTS}/graphs").rglob("attention.h5")]
    refused = workflow.run(f"{RESULTS}/graphs/examples/rem.h5", "--dry-run", check=False)
    assert refused.returncode
    assert "error: a movie has no meaning for the experiment graphs: its network sees no frames" in refused.stdout
