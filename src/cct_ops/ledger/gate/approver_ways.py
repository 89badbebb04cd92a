"""
Which approvers a request reaches, as the gateway found when it started.

The gateway alone has their addresses and Slack's secret, and a run has to know before it asks:
waiting for persons whom it never reached is no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.config.approvers import Approver
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import ways


def record(engine: sa.Engine, missing: Mapping[str, str | None]) -> None:
    """Write down for each approver what has to be set; None for who is reached."""
    with engine.begin() as tx:
        tx.execute(sa.delete(ways).where(ways.c.approver_id.not_in(list(missing))))
        for approver_id, what in sorted(missing.items()):  # in one order: two gateways may start
            row = {"missing": what, "checked_at": now()}
            tx.execute(
                insert(ways)
                .values(approver_id=approver_id, **row)
                .on_conflict_do_update(index_elements=["approver_id"], set_=row)
            )


def find_unreached(engine: sa.Engine, persons: Iterable[Approver]) -> dict[Approver, str]:
    """Return who of these is not reached, with what is missing; of whom nothing is known is."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(ways.c.approver_id, ways.c.missing).where(ways.c.missing.is_not(None))
        )
        missing = {row.approver_id: str(row.missing) for row in found}
    return {each: missing[each.id] for each in persons if each.id in missing}
