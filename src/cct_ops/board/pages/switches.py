"""Switches: the kill switch for every new change, the drain, and the targets that people hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cct_ops.board import declaring, steering
from cct_ops.board.page import Action, Asked, Board, Form, Page, Visitor
from cct_ops.config import policy, targets
from cct_ops.config.policy import Policy
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger import clock
from cct_ops.ledger.gate import drains, maintenance, switches
from cct_ops.ledger.gate.drains import Drain
from cct_ops.ledger.gate.switches import HeldTarget, Switched
from cct_ops.ledger.people import silences
from cct_ops.ledger.people.silences import Muted
from cct_ops.models.base import Frozen, counted
from cct_ops.models.maintenance import Declared, Window
from cct_ops.models.role import Role


class Switches(Frozen):
    """Where they stand."""

    switched: Switched | None
    drain: Drain | None
    held: tuple[HeldTarget, ...]
    declared: tuple[Declared, ...]
    begun: tuple[UUID, ...]
    muted: tuple[Muted, ...]
    maintenance: tuple[Window, ...]
    targets: tuple[str, ...]
    lengths: tuple[str, ...] = declaring.LENGTHS
    hours: tuple[int, ...] = steering.LENGTHS


def read(board: Board, asked: Asked) -> Switches:
    """Read them, and the targets that there are."""
    known: Policy = policy.read(board.settings.policy_path)
    declared, at = maintenance.standing(board.engine), clock.read(board.engine)
    return Switches(
        switched=switches.last(board.engine),
        drain=drains.standing(board.engine),
        held=tuple(switches.by_target(switches.standing(board.engine))),
        declared=tuple(declared),
        begun=tuple(each.id for each in declared if each.starts_at <= at),
        muted=tuple(silences.standing(board.engine)),
        maintenance=tuple(known.maintenance),
        targets=tuple(targets.known(known)),
    )


def stop(board: Board, visitor: Visitor, form: Form) -> str:
    """Let nothing new be changed; alone on the ledger, so it works whatever else is down."""
    switches.stop(board.engine, form.text("reason", "the reason"), visitor.signature)
    return "Automation is stopped: nothing new is changed until somebody lets it go on."


def resume(board: Board, visitor: Visitor, form: Form) -> str:
    """Let playbooks change things again, if the person has seen the stop that this ends."""
    last = switches.last(board.engine)
    if last is None or not last.stopped:
        raise NotPermitted("Nothing was done: automation is on already.")
    if form.optional("stopped_at") != moment(last.at):
        raise NotPermitted(
            "Nothing was done: automation was stopped since your page was loaded, by"
            f" {last.person}: {last.reason}. Load the page again and decide anew."
        )
    reason = form.text("reason", "the reason")
    if not switches.resume(board.engine, reason, visitor.signature, seen=last):
        raise NotPermitted(
            "Nothing was done: somebody else turned the kill switch at this very moment. Load the"
            " page again and decide anew."
        )
    return "Automation is on again; the other guards still stop what they stop."


def drain(board: Board, visitor: Visitor, form: Form) -> str:
    """Let no new run begin, for an upgrade."""
    if not drains.begin(board.engine, form.text("reason", "the reason"), visitor.signature):
        raise NotPermitted("Nothing was done: it was drained before.")
    return "Drained: no new run begins until somebody ends it. Alerts are stored."


def end_drain(board: Board, visitor: Visitor, form: Form) -> str:
    """Let runs begin again, if the person has seen the drain that this ends."""
    found = drains.standing(board.engine)
    if found is not None and form.optional("since") != moment(found.at):
        raise NotPermitted(
            f"Nothing was done: {found.person} drained it since your page was loaded,"
            f" {found.reason}. Load the page again and decide anew."
        )
    if not drains.end(board.engine, form.text("reason", "the reason"), visitor.signature):
        raise NotPermitted("Nothing was done: runs begin already.")
    return "The drain is over: runs begin again, those first that waited."


def moment(at: datetime) -> str:
    """Return the moment of a stop or of a drain as a form says which it ends."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def hold(board: Board, visitor: Visitor, form: Form) -> str:
    """Take a target from automation for some hours."""
    target, reason = form.text("target", "the target"), form.text("reason", "the reason")
    if form.optional("hours") not in {str(each) for each in steering.LENGTHS}:
        raise BadConfiguration("Nothing was done: choose for how long.")
    until = clock.read(board.engine) + timedelta(hours=int(form.optional("hours")))
    known = policy.read(board.settings.policy_path)
    if not targets.is_one(target, known):
        raise BadConfiguration(f"Nothing was done: no playbook changes {target}.")
    switches.hold(board.engine, target, until, reason, visitor.signature)
    return f"Automation leaves {target} alone until {until:%H:%M} UTC."


def release(board: Board, visitor: Visitor, form: Form) -> str:
    """Give a target back to automation."""
    target = form.text("target", "the target")
    released = switches.release(board.engine, target, visitor.signature)
    if not released:
        raise BadConfiguration(f"Nobody holds {target}.")
    what = "; ".join(f"{each.person}: {each.reason}" for each in released)
    number = counted(len(released), "hold")
    return f"Automation may change {target} again. Released: {number}, {what}"


PAGE = Page(
    "switches",
    "Switches",
    "/switches",
    read,
    actions=(
        Action("/switches/stop", Role.RESPONDER, stop),
        Action("/switches/resume", Role.APPROVER, resume),
        Action("/switches/drain", Role.APPROVER, drain),
        Action("/switches/end-drain", Role.APPROVER, end_drain),
        Action("/switches/hold", Role.RESPONDER, hold),
        Action("/switches/release", Role.RESPONDER, release),
        *declaring.ACTIONS,
    ),
)
