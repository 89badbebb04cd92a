"""
Alerts that an Alertmanager has and that opened no incident here.

It forgets what resolved while nobody listened; what is still active is found. What it shows no
longer is not closed here: it also forgets when it is started anew.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import re2
import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cct_ops.errors import ContractBroken
from cct_ops.ledger import intake
from cct_ops.ledger.intake import ADMITTED_BY, Incoming
from cct_ops.ledger.judging import open_keys
from cct_ops.models.alert import Alert, AlertStatus
from cct_ops.models.source import AlertmanagerReconciliation
from cct_ops.reconcile.asking import api


class _Alert(BaseModel):
    model_config = ConfigDict(frozen=True)

    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]


_ALERTS = TypeAdapter(tuple[_Alert, ...])
_NEVER = datetime.min.replace(tzinfo=UTC)


def reconcile(engine: sa.Engine, name: str, settings: AlertmanagerReconciliation) -> int:
    """Open what is active there and not open here; returns how many incidents that made."""
    shown = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}
    if settings.receiver is not None:
        shown["receiver"] = f"^{re2.escape(settings.receiver)}$"
    with api(name, settings, "Bearer ") as asked:
        found = asked.get("api/v2/alerts", **shown)
    try:
        alerts = [
            Alert(
                status=AlertStatus.FIRING,
                labels=each.labels,
                annotations=each.annotations,
                starts_at=each.starts_at,
                episodic=True,
            )
            for each in _ALERTS.validate_python(found)
        ]
    except ValidationError as error:
        where = error.errors(include_input=False)[0]["loc"]
        raise ContractBroken(f"{name}: api/v2/alerts has another shape at {where}.") from None
    known = open_keys(engine, name)
    # What began after our last sight of the open one may be another episode.
    missed = [each for each in alerts if each.starts_at > known.get(each.key, _NEVER)]
    if not missed:
        return 0
    body = json.dumps([alert.model_dump(mode="json") for alert in missed]).encode()
    incoming = Incoming(
        name, body, missed, "Found by asking Alertmanager.", admitted_by=ADMITTED_BY
    )
    return len(intake.record_all(engine, [incoming])[0].incidents)
