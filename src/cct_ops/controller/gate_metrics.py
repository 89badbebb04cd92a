"""
The doings of the gate as counters, taken from the transparency log as it grows.

They begin at zero with the controller, as counters do, and only ever grow: what retention deletes
was counted before. An entry gets its place in the log within a minute, so they are that late.
"""

from __future__ import annotations

import sqlalchemy as sa
from prometheus_client import Counter

from cct_ops.ledger.record import counted, log
from cct_ops.ledger.record.account import UNDO_FAILED
from cct_ops.ledger.record.counted import Happened
from cct_ops.models.guards import Guard
from cct_ops.models.verification import Verdict

_STATES = ("intended", "confirmed", "not done", "without effect")


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(name, meaning, labels, registry=None)


DECISIONS = _counter(
    "cct_ops_gate_decisions",
    "Decisions about a plan: permitted, or the outcome with which a run ends without a permit; and"
    " what became of a change that went wrong (Undone, undo failed).",
    "playbook",
    "verdict",
)
STOPPED = _counter(
    "cct_ops_gate_stopped", "Decisions against a plan by the guard that stopped it.", "guard"
)
PERMITS = _counter(
    "cct_ops_gate_permits", "Permits, for a change or to put one back (restore).", "kind"
)
ACTIONS = _counter(
    "cct_ops_gate_actions",
    "Calls that change the system, by the state that they came to; each is intended first.",
    "action",
    "state",
)
UNDO_FAILURES = _counter(
    "cct_ops_gate_undo_failures", "Changes that went wrong and could not be put back."
)
VERIFICATIONS = _counter(
    "cct_ops_gate_verifications", "Verifications at the end of a watch.", "verdict"
)
RUNS_ENDED = _counter(
    "cct_ops_runs_ended", "Runs that came to an end, by their outcome.", "playbook", "outcome"
)
COUNTERS = (DECISIONS, STOPPED, PERMITS, ACTIONS, UNDO_FAILURES, VERIFICATIONS, RUNS_ENDED)

for _guard in Guard:
    STOPPED.labels(_guard.value)
for _kind in ("change", "restore"):
    PERMITS.labels(_kind)
for _verdict in Verdict:
    VERIFICATIONS.labels(_verdict.value)


class GateCounts:
    """Counts on from where the log ended when the controller began."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._next: int | None = None

    def bring_up_to_date(self) -> None:
        """Count what is new; raises what SQLAlchemy does."""
        if self._next is None:
            self._next = log.size(self._engine)
        self._next, found = counted.since(self._engine, self._next)
        for each in found:
            _count(each)


def _count(found: Happened) -> None:
    """Count one entry; the words in it are those of our own tables and policy."""
    kind, new, row = found.kind, found.operation == "insert", found.row
    if kind == "decisions" and new:
        DECISIONS.labels(row["playbook"], row["verdict"]).inc()
        if row["guard"] is not None:
            STOPPED.labels(row["guard"]).inc()
        if row["verdict"] == UNDO_FAILED:
            UNDO_FAILURES.inc()
    elif kind == "permits" and new:
        PERMITS.labels(row["kind"]).inc()
    elif kind == "actions" and found.operation != "delete" and row["state"] in _STATES:
        ACTIONS.labels(row["call"]["method"], row["state"]).inc()
    elif kind == "verifications" and new:
        VERIFICATIONS.labels(row["verdict"]).inc()
    elif kind == "resolutions" and new:
        RUNS_ENDED.labels(row["playbook"], row["outcome"]).inc()
