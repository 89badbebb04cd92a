"""
Alertmanager's webhook, version 4, and Grafana's contact point, which sends the same alerts.

Of the body only the alerts count, each with its own status: the group's fields describe
Alertmanager's routing, and they change when that is edited. Alertmanager signs nothing, so a
captured body can be replayed by whoever has its key: use TLS, and a proxy that asks for a client
certificate where the network is shared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cct_ops.gateway.senders import strict_json
from cct_ops.gateway.senders.parsed_delivery import (
    NO_ALERT,
    ParsedDelivery,
    SaidMoment,
    UnknownShape,
    first_problem,
    one_by_one,
)
from cct_ops.gateway.senders.strict_json import Json, as_text
from cct_ops.models.alert import Alert, AlertStatus

GRAFANA_VERSIONS = ("1", "4")  # its own, and that of its OnCall, which speaks like Alertmanager


def _texts(pairs: object) -> object:
    """Read plain values as the text that they are; null is how some say that there is none."""
    if pairs is None:
        return {}
    if not isinstance(pairs, Mapping):
        return pairs
    return {name: as_text(value) for name, value in pairs.items() if value is not None}


Texts = Annotated[dict[str, str], BeforeValidator(_texts)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, coerce_numbers_to_str=True)


class _Alert(_Wire):
    status: AlertStatus
    labels: Annotated[Texts, Field(min_length=1)]
    annotations: Texts = {}
    starts_at: SaidMoment = None


class _Ended(_Wire):
    ends_at: SaidMoment = None


class _Body(_Wire):
    version: str
    alerts: Annotated[
        tuple[Any, ...], BeforeValidator(lambda alerts: () if alerts is None else alerts)
    ]
    truncated_alerts: Any = None
    external_url: Annotated[Any, Field(alias="externalURL")] = None


def read(body: bytes, versions: Sequence[str] = ("4",)) -> ParsedDelivery:
    """Return the alerts of a body; raises ``UnknownShape`` for what is not such a body."""
    try:
        parsed = _Body.model_validate(strict_json.parse(body))
    except ValidationError as error:
        raise UnknownShape(first_problem(error)) from None
    if parsed.version not in versions:
        raise UnknownShape(f"version: Input should be {' or '.join(versions)}")
    # Two halves of a pair differ in their own address and in nothing else.
    address = as_text(parsed.external_url)
    reporter = hashlib.sha256(address.encode()).hexdigest()[:16] if isinstance(address, str) else ""
    alerts, aside = one_by_one(parsed.alerts, partial(read_alert, reporter=reporter))
    notes = [aside] if aside else []
    left_out = as_text(parsed.truncated_alerts)
    if isinstance(left_out, str) and left_out.isdecimal() and left_out != "0":
        notes.append(
            f"The sender left out {left_out[:20]} alerts: set max_alerts: 0 in the webhook_config"
            " of this receiver."
        )
    if not parsed.alerts:
        notes.append(NO_ALERT)
    return ParsedDelivery(alerts, " ".join(notes) or None, in_part=aside is not None)


def read_alert(index: int, document: Json, reporter: str = "") -> Alert:
    """Read one alert; when it ends counts once it has ended."""
    try:
        wire = _Alert.model_validate(document)
        over = wire.status is AlertStatus.RESOLVED
        ends_at = _Ended.model_validate(document).ends_at if over else None
        said = wire.starts_at or ends_at
        return Alert(
            status=wire.status,
            labels=wire.labels,
            annotations=wire.annotations,
            starts_at=said or datetime.now(UTC),
            ends_at=ends_at,
            undated=said is None,
            episodic=wire.starts_at is not None,
            reporter=reporter,
        )
    except ValidationError as error:
        raise UnknownShape(first_problem(error, "alerts", index)) from None
