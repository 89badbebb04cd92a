"""
Alertmanager's webhook, version 4.

Of the body only the alerts count, each with its own status: the group's fields describe
Alertmanager's routing, and they change when that is edited. It signs nothing, so a captured body
can be replayed by whoever has its key: use TLS, and a proxy that asks for a client certificate
where the network is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cct_ops.gateway import proofs, strict_json
from cct_ops.gateway.keys import Key
from cct_ops.gateway.reading import Reading, Received, UnknownShape, first_problem
from cct_ops.models.alert import Alert, AlertStatus
from cct_ops.models.source import AlertmanagerSource

# Go's zero time: Alertmanager's way to say that there is none.
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class _Alert(_Wire):
    status: AlertStatus
    labels: dict[str, str] = Field(min_length=1)
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None


class _Body(_Wire):
    version: str
    alerts: tuple[_Alert, ...]
    truncated_alerts: int = 0


def verify(received: Received, keys: Sequence[Key], source: AlertmanagerSource) -> Key | None:
    """Return the key that the sender showed, if it showed one."""
    return proofs.token(received, keys, source.user)


def read(body: bytes, versions: Sequence[str] = ("4",)) -> Reading:
    """Return the alerts of a body; raises ``UnknownShape`` for what is not such a body."""
    strict_json.parse(body)
    try:
        parsed = _Body.model_validate_json(body, strict=True)
        if parsed.version not in versions:
            raise UnknownShape(f"version: Input should be {' or '.join(versions)}")
        alerts = tuple(_alert(each) for each in parsed.alerts)
    except ValidationError as error:
        raise UnknownShape(first_problem(error)) from None
    if parsed.truncated_alerts > 0:
        return Reading(
            alerts,
            f"The sender left out {parsed.truncated_alerts} alerts: set max_alerts: 0 in the"
            " webhook_config of this receiver.",
        )
    return Reading(alerts)


def _alert(wire: _Alert) -> Alert:
    return Alert(
        status=wire.status,
        labels=wire.labels,
        annotations=wire.annotations,
        starts_at=wire.starts_at,
        ends_at=None if wire.ends_at == _NO_TIME else wire.ends_at,
        episodic=True,
    )
