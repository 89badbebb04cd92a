"""An incident was dealt with."""

from __future__ import annotations

from cct_ops.scenarios import truths
from cct_ops.scenarios.auto_rollback import RESTORE
from cct_ops.scenarios.scenario import Drill, End, Left, Scenario


def written(left: Left) -> bool:
    """There is a review of it."""
    return any("auto-rollback" in review.read_text() for review in left.reviews.glob("*.md"))


SCENARIOS = (
    Scenario(
        "post-incident-review",
        RESTORE.seed,
        truths.canary,
        End("Written", ""),
        modes=False,
        after=RESTORE,
        drill=Drill(written),
    ),
)
