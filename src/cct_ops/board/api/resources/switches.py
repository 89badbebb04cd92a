"""Switches: the kill switch for every new change, and the targets that people hold."""

from __future__ import annotations

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Hours, Moment, Name, Operation, Text, action
from cct_ops.board.pages import switches as page
from cct_ops.ledger.gate.drains import Drain
from cct_ops.ledger.gate.switches import Hold, Switched
from cct_ops.ledger.people.silences import Muted
from cct_ops.models.base import Frozen
from cct_ops.models.maintenance import Declared, Window
from cct_ops.models.role import Role

TAG = "switches"


class Switches(Frozen):
    """Where they stand."""

    automation_on: bool
    last: Switched | None = Field(
        description="Who turned the kill switch last; null if nobody did."
    )
    drain: Drain | None = Field(description="Who lets no new run begin; null while runs begin.")
    holds: tuple[Hold, ...]
    declared: tuple[Declared, ...] = Field(description="Maintenance that somebody declared.")
    silences: tuple[Muted, ...]
    maintenance: tuple[Window, ...] = Field(description="Hours of each week, by policy.")
    targets: tuple[str, ...] = Field(description="What can be held.")


class Reason(Frozen):
    """Why."""

    reason: Text


class GoOn(Reason):
    """Why, and which stop it ends."""

    stopped_at: Moment = Field(
        description="`last.at` of the switches as they were seen: no later stop is ended by it."
    )


class DrainOver(Reason):
    """Why, and which drain it ends."""

    since: Moment = Field(
        description="`drain.at` of the switches as they were seen: no later one is ended by it."
    )


class Placed(Reason):
    """What is held, for how long, and why."""

    target: Name
    hours: Hours


class Target(Frozen):
    """What is released."""

    target: Name


def read(call: Call) -> Switches:
    """Read them, as their page does."""
    found = page.read(call.board, call.asked())
    return Switches(
        automation_on=found.switched is None or not found.switched.stopped,
        last=found.switched,
        drain=found.drain,
        holds=tuple(hold for each in found.held for hold in each.holds),
        declared=found.declared,
        silences=found.muted,
        maintenance=found.maintenance,
        targets=found.targets,
    )


def stop(call: Call) -> Done:
    """Stop everything."""
    wanted: Reason = call.body
    return _done(call, "stop", reason=wanted.reason)


def resume(call: Call) -> Done:
    """Let it go on."""
    wanted: GoOn = call.body
    return _done(call, "resume", reason=wanted.reason, stopped_at=page.moment(wanted.stopped_at))


def drain(call: Call) -> Done:
    """Let no new run begin."""
    wanted: Reason = call.body
    return _done(call, "drain", reason=wanted.reason)


def end_drain(call: Call) -> Done:
    """Let runs begin again."""
    wanted: DrainOver = call.body
    return _done(call, "end-drain", reason=wanted.reason, since=page.moment(wanted.since))


def hold(call: Call) -> Done:
    """Take a target from automation."""
    wanted: Placed = call.body
    fields = {"target": wanted.target, "reason": wanted.reason, "hours": str(wanted.hours)}
    return _done(call, "hold", **fields)


def release(call: Call) -> Done:
    """Give it back."""
    wanted: Target = call.body
    return _done(call, "release", target=wanted.target)


def _done(call: Call, verb: str, **fields: str) -> Done:
    said = call.act(action(page.PAGE, f"/switches/{verb}"), fields)
    return Done(done=said, page=call.page("/switches"))


OPERATIONS = (
    Operation(
        "get",
        "/switches",
        "readSwitches",
        TAG,
        "Is automation on, and what is held",
        read,
        Switches,
    ),
    Operation(
        "post",
        "/switches/stop",
        "stopAutomation",
        TAG,
        "Let nothing new be changed",
        stop,
        Done,
        needs=Role.RESPONDER,
        body=Reason,
        more="It takes the ledger alone, so it works whatever else is down.",
    ),
    Operation(
        "post",
        "/switches/resume",
        "resumeAutomation",
        TAG,
        "Let automation go on",
        resume,
        Done,
        needs=Role.APPROVER,
        body=GoOn,
        more="409 if it is on, or was stopped again since.",
    ),
    Operation(
        "post",
        "/switches/drain",
        "drain",
        TAG,
        "Let no new run begin, for an upgrade",
        drain,
        Done,
        needs=Role.APPROVER,
        body=Reason,
    ),
    Operation(
        "post",
        "/switches/end-drain",
        "endDrain",
        TAG,
        "Let runs begin again",
        end_drain,
        Done,
        needs=Role.APPROVER,
        body=DrainOver,
    ),
    Operation(
        "post",
        "/switches/hold",
        "holdTarget",
        TAG,
        "Take a target from automation for some hours",
        hold,
        Done,
        needs=Role.RESPONDER,
        body=Placed,
    ),
    Operation(
        "post",
        "/switches/release",
        "releaseTarget",
        TAG,
        "Give a target back to automation",
        release,
        Done,
        needs=Role.RESPONDER,
        body=Target,
    ),
)
