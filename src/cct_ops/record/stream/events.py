"""Leaves of the transparency log as CloudEvents 1.0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.log_incidents import Related
from cct_ops.redaction import redact

PREFIX = "log.cct-ops."
"""As names of types begin: the name of the log, the other way round."""

WITHHELD = f"{PREFIX}event.withheld"


class Words(NamedTuple):
    """What a kind of row is called in the types of events, when it is new and when it changed."""

    noun: str
    new: str
    changed: str | None = None


KINDS: Mapping[str, Words] = {
    "deliveries": Words("delivery", "received", "changed"),
    "expiries": Words("incident", "expired"),
    "rule_versions": Words("rules", "read"),
    "switches": Words("kill-switch", "set"),
    "drains": Words("drain", "set"),
    "backups": Words("backup", "taken"),
    "restores": Words("installation", "restored"),
    "holds": Words("hold", "placed", "released"),
    "decisions": Words("decision", "made"),
    "approvals": Words("approval", "requested", "changed"),
    "approval_answers": Words("approval", "answered"),
    "approval_attempts": Words("approval", "attempted"),
    "permits": Words("permit", "issued", "changed"),
    "actions": Words("action", "begun", "changed"),
    "temporary_changes": Words("temporary-change", "made", "changed"),
    "verifications": Words("verification", "done"),
    "resolutions": Words("outcome", "recorded", "changed"),
    "journal_entries": Words("experiment", "noted"),
    "takeovers": Words("run", "taken-over", "stopped"),
    "acknowledgements": Words("incident", "acknowledged"),
    "assignments": Words("incident", "assigned"),
    "notes": Words("incident", "noted"),
    "maintenance_windows": Words("maintenance", "declared", "ended"),
    "silences": Words("silence", "declared", "ended"),
    "extensions": Words("temporary-change", "extended"),
    "asked_ends": Words("temporary-change", "end-asked"),
    "on_call_covers": Words("on-call-cover", "entered", "withdrawn"),
    "board_sessions": Words("session", "begun", "ended"),
    "api_tokens": Words("token", "made", "revoked"),
}

_FORMAT = JSONFormat()
# Of the same length for each leaf that there can be: texts of it are in the order of the leaves.
_SEQUENCE_DIGITS = 19


def type_of(kind: str, operation: str) -> str:
    """Return the type of the event that something happened to a row of this kind."""
    words = KINDS.get(kind) or Words(kind.replace("_", "-"), "inserted")
    verbs = {"insert": words.new, "update": words.changed or "changed"}
    verb = verbs.get(operation) or {"delete": "deleted"}.get(operation, operation)
    return f"{PREFIX}{words.noun}.{verb}"


def event(leaf: Leaf, said: Mapping[str, Any], about: Related, origin: str) -> bytes:
    """Return a leaf as an event in JSON, with what it belongs to."""
    seen = said if redact(leaf.leaf) == leaf.leaf else _without_secrets(said)
    data: dict[str, Any] = {"leaf": seen, "leaf_hash": leaf.hash.hex()}
    if about.alerts:
        data["alerts"] = list(about.alerts)
    if seen != said:
        data["redacted"] = True
    return _json(_attributes(leaf, said, about, origin), data)


def notice(leaf: Leaf, said: Mapping[str, Any], about: Related, origin: str, reason: str) -> bytes:
    """Return what is sent in the place of an event that the receiver will not take."""
    attributes = _attributes(leaf, said, about, origin)
    meant = {"id": attributes["id"], "type": attributes["type"], "reason": reason}
    withheld = {**attributes, "id": f"{attributes['id']}/withheld", "type": WITHHELD}
    return _json(withheld, {"withheld": meant, "leaf_hash": leaf.hash.hex()})


def _attributes(leaf: Leaf, said: Mapping[str, Any], about: Related, origin: str) -> dict[str, Any]:
    # With the hash: of a ledger that was put back, other leaves have the same positions.
    attributes = {
        "id": f"{origin}/{leaf.position}/{leaf.hash.hex()[:16]}",
        "source": origin,
        "type": type_of(leaf.kind, str(said["operation"])),
        "time": datetime.fromisoformat(said["at"]),
        "datacontenttype": "application/json",
        "sequence": f"{leaf.position:0{_SEQUENCE_DIGITS}}",
    }
    return attributes | ({"subject": about.incident_id} if about.incident_id else {})


def _json(attributes: dict[str, Any], data: dict[str, Any]) -> bytes:
    return _FORMAT.write(CloudEvent(attributes, data))


def parsed(leaf: Leaf) -> dict[str, Any]:
    """Return what a leaf says."""
    said: dict[str, Any] = json.loads(leaf.leaf)
    return said


def _without_secrets(value: Any, name: str = "") -> Any:
    """Return it with every text redacted; what a text is called may say that it is a secret."""
    match value:
        case str():
            return redact(f"{name}={value}").removeprefix(f"{name}=")
        case dict():
            return {key: _without_secrets(each, key) for key, each in value.items()}
        case list():
            return [_without_secrets(each, name) for each in value]
        case _:
            return value
