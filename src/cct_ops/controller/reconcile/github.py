"""
Deliveries that GitHub could not make: it never tries again by itself, so it is asked to.

What it sends then comes through the gateway, under the same delivery id and with its signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from cct_ops.config.sources import Reconciliation
from cct_ops.controller.reconcile.asking import Api, api
from cct_ops.errors import ContractBroken
from cct_ops.ledger.intake.tables import deliveries

LOOK_BACK = timedelta(days=2)  # GitHub itself keeps deliveries for three
PAGES = 100  # of a hundred each: more than ten thousand in a turn are not looked at
ATTEMPTS = 5
AT_ONCE = 20


class _Delivery(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: int
    guid: str
    delivered_at: AwareDatetime
    status_code: int


_DELIVERIES = TypeAdapter(tuple[_Delivery, ...])


class Deliveries:
    """
    Asks a hook for what failed and is not here.

    The first look goes back two days, the next ones to the oldest delivery that is still missing.
    The position reached may be forgotten: it only saves requests.
    """

    def __init__(self, engine: sa.Engine, name: str, settings: Reconciliation) -> None:
        self._engine = engine
        self._name = name
        self._settings = settings
        self._settled_before = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> int:
        """Look once; returns how many deliveries were asked for."""
        since = max(self._settled_before, datetime.now(UTC) - LOOK_BACK)
        accept = "application/vnd.github+json"
        with api(self._name, self._settings, "Bearer ", accept=accept) as asked:
            listed = self._listed(asked, since)
            missing = self._missing(listed)
            wanted = [tried[0] for tried in missing if len(tried) < ATTEMPTS][:AT_ONCE]
            for each in wanted:
                asked.post(f"deliveries/{each.id}/attempts")
        # What was given up counts as missing too: its attempts must go on being counted.
        first = [tried[-1].delivered_at for tried in missing]
        newest = [each.delivered_at for each in listed[:1]]
        self._settled_before = min([*first, *newest], default=since)
        return len(wanted)

    def _listed(self, asked: Api, since: datetime) -> list[_Delivery]:
        """Read page after page, newest first, until one that began before."""
        found: list[_Delivery] = []
        for number, page in enumerate(asked.pages("deliveries", per_page="100"), 1):
            try:
                read = _DELIVERIES.validate_python(page)
            except ValidationError as error:
                where = error.errors(include_input=False)[0]["loc"]
                raise ContractBroken(
                    f"{self._name}: deliveries have another shape at {where}."
                ) from None
            found += [each for each in read if each.delivered_at >= since]
            if not read or read[-1].delivered_at < since or number == PAGES:
                break
        return found

    def _missing(self, listed: Sequence[_Delivery]) -> list[list[_Delivery]]:
        """Return all attempts, newest first, of each delivery that never got here."""
        attempts: dict[str, list[_Delivery]] = {}
        for each in listed:
            attempts.setdefault(each.guid, []).append(each)
        failed = {
            guid: tried
            for guid, tried in attempts.items()
            if not any(200 <= each.status_code < 300 for each in tried)
        }
        with self._engine.connect() as connection:
            here = set(
                connection.scalars(
                    sa.select(deliveries.c.sender_id).where(
                        deliveries.c.source == self._name, deliveries.c.sender_id.in_(list(failed))
                    )
                )
            )
        return [tried for guid, tried in failed.items() if guid not in here]
