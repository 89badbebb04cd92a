"""
Deliveries that GitHub could not make: it never tries again by itself, so it is asked to.

What it sends then comes through the gateway, under the same delivery id and with its signature.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from cct_ops.errors import ContractBroken
from cct_ops.ledger.schema import deliveries
from cct_ops.models.source import Reconciliation
from cct_ops.reconcile.asking import api

LOOK_BACK = timedelta(days=2)  # GitHub itself keeps deliveries for three
ATTEMPTS = 5
AT_ONCE = 20


class _Delivery(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: int
    guid: str
    delivered_at: AwareDatetime
    status_code: int


_DELIVERIES = TypeAdapter(tuple[_Delivery, ...])


def reconcile(engine: sa.Engine, name: str, settings: Reconciliation) -> int:
    """Ask for what failed and is not here; returns how many deliveries were asked for."""
    with api(name, settings, "Bearer ", accept="application/vnd.github+json") as asked:
        try:
            listed = _DELIVERIES.validate_python(asked.get("deliveries", per_page="100"))
        except ValidationError as error:
            where = error.errors(include_input=False)[0]["loc"]
            raise ContractBroken(f"{name}: deliveries have another shape at {where}.") from None
        chosen = _missing(engine, name, listed)[:AT_ONCE]
        for each in chosen:
            asked.post(f"deliveries/{each.id}/attempts")
    return len(chosen)


def _missing(engine: sa.Engine, name: str, listed: tuple[_Delivery, ...]) -> list[_Delivery]:
    """Return the newest attempt of each delivery that never succeeded, if it was not in vain."""
    since = datetime.now(UTC) - LOOK_BACK
    attempts: dict[str, list[_Delivery]] = {}
    for each in listed:
        attempts.setdefault(each.guid, []).append(each)
    failed = {
        guid: max(tried, key=lambda each: each.delivered_at)
        for guid, tried in attempts.items()
        if not any(200 <= each.status_code < 300 for each in tried) and len(tried) < ATTEMPTS
    }
    with engine.connect() as connection:
        here = set(
            connection.scalars(
                sa.select(deliveries.c.sender_id).where(
                    deliveries.c.source == name, deliveries.c.sender_id.in_(list(failed))
                )
            )
        )
    return [each for guid, each in failed.items() if guid not in here and each.delivered_at > since]
