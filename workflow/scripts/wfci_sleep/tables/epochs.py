"""Tables of the scoring epochs that a network sees."""

import numpy as np

from wfci_sleep.layout import EPOCH_S
from wfci_sleep.states import GAP, SCORES, STATES, labels_of_scores
from wfci_sleep.tables import COUNT, EPOCH, FLAG, FROM_1, TEXT, Rule, Table, number, one_of, or_empty, whole

SPLITS = ("train", "validation", "test")

STARTS = Rule(
    "start_s", f"{EPOCH_S:g} s for each epoch before it", lambda table: table["start_s"] == table["epoch"] * EPOCH_S
)

WINDOWS = Table(
    {
        "epoch": COUNT,
        "start_s": number(0),
        "score": whole(0, max(SCORES)),
        "label": whole(GAP, len(STATES) - 1),
        "kept": FLAG,
        "reason": or_empty(TEXT),
    },
    rules=(
        Rule("epoch", "every epoch from 0 on, in order", lambda table: table["epoch"] == np.arange(len(table))),
        STARTS,
        Rule(
            "label",
            f"that of the score, or {GAP} for an epoch left out",
            lambda table: (table["label"] == GAP) | (table["label"] == labels_of_scores(table["score"])),
        ),
        Rule("kept", "True where there is a label", lambda table: table["kept"] == (table["label"] != GAP)),
        Rule("reason", "one for each epoch left out", lambda table: table["kept"] == table["reason"].isna()),
    ),
    empty=True,  # of a recording that is left out
)
FOLDS = Table({**EPOCH, "fold": FROM_1, "split": one_of(*SPLITS)}, key=("fold", *EPOCH))
