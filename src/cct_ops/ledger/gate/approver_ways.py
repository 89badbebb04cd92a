"""
Which approvers a request reaches, as the gateway found when it started.

The gateway alone has their addresses and Slack's secret, and a run has to know before it asks:
waiting for persons whom it never reached is no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import ways
from cct_ops.ledger.statements import upsert


def record(engine: sa.Engine, missing: Mapping[str, str | None]) -> None:
    """Write down for each approver what has to be set; None for who is reached."""
    with engine.begin() as tx:
        tx.execute(sa.delete(ways).where(ways.c.approver_id.not_in(list(missing))))
        for approver_id, what in sorted(missing.items()):  # in one order: two gateways may start
            row = {"missing": what, "checked_at": now()}
            tx.execute(upsert(ways, {"approver_id": approver_id}, row))


def find_unreached(engine: sa.Engine, persons: Iterable[Approver]) -> dict[Approver, str]:
    """Return who of these is not reached, with what is missing; of whom nothing is known is."""
    found = sa.select(ways.c.approver_id, ways.c.missing).where(ways.c.missing.is_not(None))
    with engine.connect() as connection:
        missing: dict[str, str] = dict(connection.execute(found).tuples().all())
    return {each: missing[each.id] for each in persons if each.id in missing}
