"""Tables of the analysis."""

from wfci_sleep.states import BY_NAME
from wfci_sleep.tables import COUNT, FROM_1, MEASURE, SHARE, STATE, TEXT, Rule, Table, even, number, one_of, or_empty
from wfci_sleep.tables.epochs import SPLITS
from wfci_sleep.tables.recordings import QUALITY

_INTERVAL = {**dict.fromkeys(("ci_low", "ci_high"), or_empty(MEASURE)), "interval_over": or_empty(TEXT)}
_COUNTED = dict.fromkeys(("mouse", "scorer", "counting"), TEXT)

FOLD_STATES = Table(
    {
        "fold": FROM_1,
        "split": one_of(*SPLITS),
        "state": STATE,
        **dict.fromkeys(("epochs", "recordings", "mice"), COUNT),
    },
    key=("fold", "split", "state"),
    rules=(even("fold", "split"),),
)
METRICS = Table(
    {
        "level": one_of("pooled", "fold", "mouse"),
        **dict.fromkeys(("unit", "metric"), TEXT),
        "state": or_empty(STATE),
        "value": or_empty(MEASURE),
        **_INTERVAL,
        "n": COUNT,
    },
    key=("level", "unit", "metric", "state"),
    rules=(
        even("level", "unit"),
        Rule(
            "level",
            "all of pooled, fold and mouse",
            lambda table: [table["level"].nunique() == 3] * len(table),
        ),
    ),
)
PARCEL_SCORES = Table(
    {"parcel": FROM_1, "name": TEXT, **METRICS.columns, "level": one_of("pooled", "mouse")},
    key=("parcel", *METRICS.key),
    rules=(even("parcel", "level", "unit"),),
)
AGREEMENT = Table(
    {
        **dict.fromkeys(("mouse", "scorer_a", "scorer_b", "metric"), TEXT),
        "value": or_empty(MEASURE),
        **_INTERVAL,
        "n": COUNT,
    },
    key=("mouse", "scorer_a", "scorer_b", "metric"),
    rules=(even("mouse", "scorer_a", "scorer_b"),),
)
SLEEP = Table(
    {
        **dict.fromkeys(("mouse", "scorer", "measure"), TEXT),
        "state": or_empty(STATE),
        "value": or_empty(number(0)),
        "unit": or_empty(TEXT),
    },
    key=("mouse", "scorer", "measure", "state"),
    rules=(even("mouse", "scorer"),),
)
FRAGMENTATION = Table(
    {
        **_COUNTED,
        "state": one_of(*BY_NAME, "all"),
        "n_bouts": COUNT,
        "mean_bout_s": or_empty(number(0)),
        "n_transitions": COUNT,
    },
    key=(*_COUNTED, "state"),
    rules=(even(*_COUNTED),),
)
BOUTS = Table({**_COUNTED, "state": STATE, "start_s": number(0), "duration_s": number(0)}, key=(*_COUNTED, "start_s"))
TRANSITIONS = Table(
    {**_COUNTED, "from": STATE, "to": STATE, "count": COUNT, "probability": or_empty(SHARE)},
    key=(*_COUNTED, "from", "to"),
    rules=(even(*_COUNTED),),
)
TRANSITION_DISTANCE = Table(
    {"mouse": TEXT, "distance": TEXT, "y_true": STATE, "y_pred": STATE, "n": COUNT, "share": SHARE},
    key=("mouse", "distance", "y_true", "y_pred"),
)
GRADCAM_PARCELS = Table(
    {
        "mouse": TEXT,
        "state": STATE,
        "parcel": FROM_1,
        "name": TEXT,
        "mean_heat": or_empty(SHARE),
        "examples": COUNT,
        "method": TEXT,
    },
    key=("method", "mouse", "state", "parcel"),
    rules=(even("method", "mouse", "state"),),
)
GRADCAM_LINKS = Table(
    {
        "mouse": TEXT,
        "state": STATE,
        "lag_s": number(0),
        "mean_heat": or_empty(SHARE),
        "examples": COUNT,
        "method": TEXT,
    },
    key=("method", "mouse", "state", "lag_s"),
    rules=(even("method", "mouse", "state"),),
)
PUBLISHED = Table(
    {
        **dict.fromkeys(("what", "metric"), TEXT),
        "published": SHARE,
        "experiment": or_empty(TEXT),
        "ours": or_empty(MEASURE),
        **_INTERVAL,
        "difference": or_empty(number(-2, 2)),
        "note": or_empty(TEXT),
    },
    key=("what", "metric"),
)
COMPARISON = Table(
    {
        **dict.fromkeys(("experiment", "metric"), TEXT),
        **dict.fromkeys(("n_mice", "n_pairs"), COUNT),
        **dict.fromkeys(("mean", "lowest", "highest", "effect_size"), or_empty(MEASURE)),
        **dict.fromkeys(("sd", "difference", "ci_low", "ci_high"), or_empty(number())),
        **dict.fromkeys(("p", "p_holm"), or_empty(SHARE)),
        "note": or_empty(TEXT),
    },
    key=("experiment", "metric"),
    rules=(even("experiment"),),
)

PAGES = {
    "quality": QUALITY,
    "folds-states": FOLD_STATES,
    "metrics": METRICS,
    "agreement": AGREEMENT,
    "sleep": SLEEP,
    "fragmentation": FRAGMENTATION,
    "transitions": TRANSITIONS,
    "transition_distance": TRANSITION_DISTANCE,
    "gradcam_parcels": GRADCAM_PARCELS,
    "published": PUBLISHED,
    "comparison": COMPARISON,
}
"""Tables with a page in the report, by the names of their files."""
