"""Maintenance and silences: declared for a while, and ended before their time."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from cct_ops.board.api.operation import Call, Done, Moment, Name, Operation, Text, action
from cct_ops.board.declaring import LENGTHS
from cct_ops.board.pages.switches import PAGE
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

TAG = "switches"


def _offered(hours: float) -> float:
    if f"{hours:g}" not in LENGTHS:
        raise ValueError(f"must be one of {', '.join(LENGTHS)}")
    return hours


Hours = Annotated[
    float,
    AfterValidator(_offered),
    WithJsonSchema({"type": "number", "enum": [float(each) for each in LENGTHS]}),
]


class Maintenance(Frozen):
    """Which targets are left alone, from when, for how long, and why."""

    targets: tuple[Name, ...] = Field(
        min_length=1, max_length=50, description="Names, in which `*` is any number of characters."
    )
    starts_at: Moment | None = Field(None, description="At once where it is left out.")
    hours: Hours
    reason: Text


class Silence(Frozen):
    """Notices about which alerts are muted, for how long, and why."""

    matchers: Text = Field(examples=['alertname="CanaryRolledBack", route=~"/daily.*"'])
    hours: Hours
    reason: Text


def start_maintenance(call: Call) -> Done:
    """Declare it."""
    wanted: Maintenance = call.body
    begins = wanted.starts_at
    fields = {
        "m_targets": " ".join(wanted.targets),
        "m_from": f"{begins.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" if begins else "",
        "m_hours": f"{wanted.hours:g}",
        "m_reason": wanted.reason,
        "once": call.once,
    }
    called = {f"m_{name}": name for name in ("targets", "hours", "reason")}
    called["m_from"] = "starts_at"
    said = call.act(action(PAGE, "/switches/maintenance"), fields, called)
    return Done(done=said, page=call.page("/switches"))


def start_silence(call: Call) -> Done:
    """Declare it."""
    wanted: Silence = call.body
    fields = {
        "s_matchers": wanted.matchers,
        "s_hours": f"{wanted.hours:g}",
        "s_reason": wanted.reason,
        "once": call.once,
    }
    called = {name: name.removeprefix("s_") for name in fields}
    said = call.act(action(PAGE, "/switches/silence"), fields, called)
    return Done(done=said, page=call.page("/switches"))


def end_maintenance(call: Call) -> Done:
    """End it."""
    said = call.act(action(PAGE, "/switches/maintenance/{window_id}/end"))
    return Done(done=said, page=call.page("/switches"))


def end_silence(call: Call) -> Done:
    """End it."""
    said = call.act(action(PAGE, "/switches/silence/{silence_id}/end"))
    return Done(done=said, page=call.page("/switches"))


OPERATIONS = (
    Operation(
        "post",
        "/switches/maintenance",
        "startMaintenance",
        TAG,
        "Keep automation off targets for a while",
        start_maintenance,
        Done,
        needs=Role.RESPONDER,
        body=Maintenance,
    ),
    Operation(
        "post",
        "/switches/maintenance/{window_id}/end",
        "endMaintenance",
        TAG,
        "End declared maintenance before its time",
        end_maintenance,
        Done,
        needs=Role.RESPONDER,
    ),
    Operation(
        "post",
        "/switches/silence",
        "startSilence",
        TAG,
        "Mute the notices about some alerts for a while",
        start_silence,
        Done,
        needs=Role.RESPONDER,
        body=Silence,
        more="Nothing else of an alert is muted: its incident is opened, and its playbook runs.",
    ),
    Operation(
        "post",
        "/switches/silence/{silence_id}/end",
        "endSilence",
        TAG,
        "Let the notices through again",
        end_silence,
        Done,
        needs=Role.RESPONDER,
    ),
)
