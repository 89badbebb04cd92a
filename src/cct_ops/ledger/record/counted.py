"""
What happened at the gate since the last look, from the transparency log.

Its leaves are in an order that never changes, and one that is seen has all before it seen, so each
is counted once, whoever wrote it and however many rows there are. Retention takes none away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from cct_ops.ledger.record import log
from cct_ops.ledger.record.log_tables import log_leaves
from cct_ops.ledger.statements import Ledger, rows

AT_ONCE = 5000
"""Places of the log that one look covers; what is beyond is left to the next."""

_KINDS = ("decisions", "permits", "actions", "verifications", "resolutions")


class Happened(NamedTuple):
    """One entry of the log: the kind of row, what was done to it, and the row."""

    kind: str
    operation: str
    row: dict[str, Any]


def since(ledger: Ledger, position: int) -> tuple[int, Sequence[Happened]]:
    """Return where the next look begins, and what stands from this place on."""
    end = min(log.size(ledger), position + AT_ONCE)
    between = log_leaves.c.position.between(position, end - 1)
    wanted = sa.select(log_leaves.c.leaf).where(between, log_leaves.c.kind.in_(_KINDS))
    found = rows(ledger, wanted.order_by(log_leaves.c.position)) if end > position else ()
    return max(position, end), [_happened(json.loads(leaf)) for (leaf,) in found]


def _happened(leaf: dict[str, Any]) -> Happened:
    row = {**leaf.get("row", {}), **leaf.get("state", {})}
    return Happened(leaf["kind"], leaf["operation"], row)
