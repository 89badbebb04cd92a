"""Requests as each kind of sender makes them, with keys made up for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from cct_ops.config.sources import Source, Sources
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import Received

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads"

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # published with Standard Webhooks
OTHER_SECRET = "whsec_" + base64.b64encode(b"another key, as long as the 1st").decode()
STAMP = "x-grafana-alerting-timestamp"

FIELDS = {
    "status": "state",
    "firing": ["open"],
    "resolved": ["closed"],
    "ignored": ["test"],
    "incident": ["id"],
    "starts_at": "at",
    "labels": {"alertname": "name", "route": "route"},
}
EVENT_FIELDS = FIELDS | {
    "status": "type",
    "incident": ["source", "subject"],
    "starts_at": "time",
    "labels": {"alertname": "data.name", "route": "data.route"},
}
INTERVALS = {"repeat_interval_seconds": 14400, "group_interval_seconds": 300}


def sources(keys: Sequence[object]) -> dict[str, dict[str, object]]:
    """Return one source of each kind, and of each scheme where a kind has several."""
    return {
        "alertmanager": {"kind": "alertmanager", "keys": keys, **INTERVALS},
        "basic": {"kind": "alertmanager", "user": "am", "keys": keys, **INTERVALS},
        "grafana": {"kind": "grafana", "timestamp_header": STAMP, "keys": keys, **INTERVALS},
        "untimed": {"kind": "grafana", "timestamp_header": None, "keys": keys, **INTERVALS},
        "pagerduty": {"kind": "pagerduty", "keys": keys},
        "github": {"kind": "github", "keys": keys},
        "cloudevents": {"kind": "cloudevents", "keys": keys, "fields": EVENT_FIELDS},
        "standard": {"kind": "standard-webhooks", "keys": keys, "fields": FIELDS},
        "json": {"kind": "json", "keys": keys, "fields": FIELDS},
        "signed": {
            "kind": "json",
            "keys": keys,
            "signature": {"header": "x-sig", "prefix": "v0=", "timestamp_header": "x-at"},
            "fields": FIELDS,
        },
    }


SOURCES = Sources.model_validate({"sources": sources([{"env": "KEY"}])}).sources

_SIGNED = ("authorization", "signature", "timestamp", "webhook-id", "x-at", "x-sig")

NOW = datetime.now(UTC).replace(microsecond=0)


def firing(number: int = 1, *, kind: str = "alertmanager") -> bytes:
    """Return a body with one alert, as that kind of source reads it."""
    at = "2026-11-23T23:29:46.931976Z"
    if kind in {"alertmanager", "basic", "grafana", "untimed"}:
        labels = {"alertname": "X", "route": "/daily-summary", "i": str(number)}
        alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": at}
        return json.dumps({"version": "4", "alerts": [alert]}).encode()
    if kind == "pagerduty":
        data = {"type": "incident", "id": f"P{number}", "status": "triggered", "title": "X"}
        event = {"id": f"E{number}", "event_type": "incident.triggered", "occurred_at": at}
        return json.dumps({"event": event | {"data": data}}).encode()
    if kind == "github":
        run = {"id": number, "name": "lint", "conclusion": "failure", "completed_at": at}
        repository = {"id": 1, "full_name": "o/r"}
        content = {"action": "completed", "check_run": run, "repository": repository}
        return json.dumps(content).encode()
    alert_data = {"name": "X", "route": "/daily-summary"}
    if kind == "cloudevents":
        event = {"specversion": "1.0", "id": f"e{number}", "source": "/s", "type": "open"}
        return json.dumps(
            event | {"time": at, "subject": f"s{number}", "data": alert_data}
        ).encode()
    return json.dumps({"state": "open", "id": number, "at": at} | alert_data).encode()


def sign(  # noqa: PLR0911 -- one for each kind
    name: str, body: bytes, secret: str = SECRET, at: datetime = NOW, sender_id: str = "id-1"
) -> dict[str, str]:
    """Return the headers with which the named source's sender would send the body."""
    plain = {"content-type": "application/json"}
    stamp = str(int(at.timestamp()))
    match name:
        case "alertmanager" | "json":
            return plain | {"authorization": f"Bearer {secret}"}
        case "cloudevents":
            structured = {"content-type": "application/cloudevents+json"}
            return structured | {"authorization": f"Bearer {secret}"}
        case "basic":
            pair = base64.b64encode(f"am:{secret}".encode()).decode()
            return plain | {"authorization": f"Basic {pair}"}
        case "grafana":
            made = _hmac(secret, f"{stamp}:".encode() + body)
            return plain | {"x-grafana-alerting-signature": made, STAMP: stamp}
        case "untimed":
            return plain | {"x-grafana-alerting-signature": _hmac(secret, body)}
        case "pagerduty":
            return plain | {"x-pagerduty-signature": f"v1={_hmac(secret, body)}"}
        case "github":
            return plain | {
                "x-hub-signature-256": f"sha256={_hmac(secret, body)}",
                "x-github-event": "check_run",
                "x-github-delivery": sender_id,
            }
        case "standard":
            raw = base64.b64decode(secret.removeprefix("whsec_") + "==")
            signed = f"{sender_id}.{stamp}.".encode() + body
            made = base64.b64encode(hmac.digest(raw, signed, "sha256")).decode()
            return plain | {
                "webhook-id": sender_id,
                "webhook-timestamp": stamp,
                "webhook-signature": f"v1,{made}",
            }
        case "signed":
            made = _hmac(secret, f"{stamp}:".encode() + body)
            return plain | {"x-sig": f"v0={made}", "x-at": stamp}
    raise ValueError(name)


def signed_parts(headers: Iterable[str]) -> list[str]:
    """Return the headers of which not one bit may change."""
    return [name for name in headers if any(word in name for word in _SIGNED)]


def flipped(text: bytes, bit: int) -> bytes:
    """Return the bytes with one bit the other way round."""
    changed, where = bytearray(text), bit % (8 * len(text))
    changed[where // 8] ^= 1 << where % 8
    return bytes(changed)


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Sent:
    """A request that can be changed a little, and asked whether it is still let in."""

    source: Source
    headers: dict[str, str]
    body: bytes
    keys: tuple[Key, ...] = (Key("KEY", SecretStr(SECRET)),)
    at: datetime = NOW

    @property
    def received(self) -> Received:
        """The request as the gateway has it."""
        return Received(tuple(self.headers.items()), self.body, self.at)

    @property
    def admitted(self) -> bool:
        """Whether the sender is believed."""
        return kinds.verify(self.received, self.keys, self.source) is not None

    def but(self, *body: bytes, **headers: str | None) -> Sent:
        """Return it with another body, or other headers; None takes one away."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        everything = {**self.headers, **changed}
        left = {name: value for name, value in everything.items() if value is not None}
        return replace(self, headers=left, body=body[0] if body else self.body)


def sent(name: str, body: bytes | None = None) -> Sent:
    """Return a request of the named source that is let in."""
    content = firing(kind=name) if body is None else body
    return Sent(SOURCES[name], sign(name, content), content)
