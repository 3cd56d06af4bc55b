"""Tables that users write."""

from wfci_sleep.states import STATES
from wfci_sleep.tables import EPOCH, TEXT, Table, one_of

UNSCORED = "artefact"
"""What a further rater writes for an epoch without a state; such rows may also be missing."""

SHEET = Table(dict.fromkeys(("mouse", "recording", "path"), TEXT), made=False)
SCORES = Table({**EPOCH, "state": one_of(*(state.name for state in STATES), UNSCORED)}, key=tuple(EPOCH), made=False)
