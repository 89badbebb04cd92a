"""
Alertmanager's webhook, version 4.

Of the body only the alerts count, each with its own status: the group's fields describe
Alertmanager's routing, and they change when that is edited.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cct_ops.gateway.reading import Reading, UnknownShape
from cct_ops.models.alert import Alert, AlertStatus

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
    version: Literal["4"]
    alerts: tuple[_Alert, ...]
    truncated_alerts: int = 0


def read(body: bytes) -> Reading:
    """Return the alerts of a body; raises ``UnknownShape`` for what is not such a body."""
    try:
        parsed = _Body.model_validate_json(body, strict=True)
        alerts = tuple(_alert(each) for each in parsed.alerts)
    except ValidationError as error:
        raise UnknownShape(_first_problem(error)) from None
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
    )


def _first_problem(error: ValidationError) -> str:
    """Say what is wrong without repeating the body, in characters that the ledger can store."""
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in problem["loc"])
    said = f"{where}: {problem['msg']}" if where else problem["msg"]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in said)[
        :500
    ]
