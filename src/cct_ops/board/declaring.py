"""Maintenance and silences: what people declare for a while on Switches, and end there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cct_ops.board.page import Action, Board, FillAgain, Form, Visitor
from cct_ops.config import policy, targets
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger import clock
from cct_ops.ledger.gate import maintenance
from cct_ops.ledger.people import silences
from cct_ops.ledger.people.silences import Muted
from cct_ops.models.maintenance import Declared
from cct_ops.models.role import Role

LENGTHS = ("0.5", "1", "2", "4", "8", "24", "72")


def start_maintenance(board: Board, visitor: Visitor, form: Form) -> str:
    """Keep automation off targets from when to when; by itself it ends."""
    wrong: dict[str, str] = {}
    names = form.optional("m_targets").replace(",", " ").split()
    known = policy.read(board.settings.policy_path)
    try:
        patterns = targets.checked_patterns(names, known)
    except BadConfiguration as error:
        wrong["m_targets"] = f"{error}."
    starts_at = _from(board, form.optional("m_from"), wrong)
    hours, reason = _hours(form, "m_hours", wrong), _reason(form, "m_reason", wrong)
    if wrong:
        raise FillAgain("No maintenance was declared.", wrong)
    ends_at = starts_at + timedelta(hours=hours)
    window = Declared(
        id=form.once,
        targets=patterns,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        person=visitor.signature,
    )
    try:
        maintenance.declare(board.engine, window)
    except BadConfiguration as error:
        raise FillAgain("No maintenance was declared.", {"m_from": f"{error}."}) from error
    which = ", ".join(patterns)
    return f"Maintenance of {which} until {ends_at:%Y-%m-%d %H:%M} UTC: nothing is changed there."


def end_maintenance(board: Board, visitor: Visitor, form: Form) -> str:
    """Let automation change the targets again before the time."""
    if not maintenance.end(board.engine, form.id("window_id"), visitor.signature):
        raise NotPermitted("Nothing was done: this maintenance has ended already.")
    return "The maintenance has ended; the other guards still stop what they stop."


def start_silence(board: Board, visitor: Visitor, form: Form) -> str:
    """Mute the notices about some alerts for a while."""
    wrong: dict[str, str] = {}
    try:
        matchers = silences.checked(form.optional("s_matchers"))
    except BadConfiguration as error:
        wrong["s_matchers"] = f"{error}."
    hours, reason = _hours(form, "s_hours", wrong), _reason(form, "s_reason", wrong)
    if wrong:
        raise FillAgain("Nothing was silenced.", wrong)
    until = clock.read(board.engine) + timedelta(hours=hours)
    person = visitor.signature
    silence = Muted(id=form.once, matchers=matchers, until=until, reason=reason, person=person)
    silences.declare(board.engine, silence)
    return f"No notices about {matchers} until {until:%Y-%m-%d %H:%M} UTC."


def end_silence(board: Board, visitor: Visitor, form: Form) -> str:
    """Let the notices through again before the time."""
    if not silences.end(board.engine, form.id("silence_id"), visitor.signature):
        raise NotPermitted("Nothing was done: this silence has ended already.")
    return "The silence has ended: people are notified again."


def _from(board: Board, given: str, wrong: dict[str, str]) -> datetime:
    """Return the beginning, in UTC; now where nothing is given."""
    at = clock.read(board.engine)
    try:
        begins = datetime.fromisoformat(given).replace(tzinfo=UTC) if given else at
    except ValueError:
        wrong["m_from"] = "This is no moment: write it like 2026-11-24T18:30, in UTC."
        return at
    if begins.year > at.year + 1:  # beyond what can be reckoned with
        wrong["m_from"] = f"Maintenance begins within {maintenance.FURTHEST_DAYS} days."
        return at
    return begins


def _hours(form: Form, name: str, wrong: dict[str, str]) -> float:
    if form.optional(name) not in LENGTHS:
        wrong[name] = "Choose for how long."
        return 0
    return float(form.optional(name))


def _reason(form: Form, name: str, wrong: dict[str, str]) -> str:
    reason = form.optional(name)
    if not reason:
        wrong[name] = "Say why, for whoever comes upon it."
    return reason


ACTIONS = (
    Action("/switches/maintenance", Role.RESPONDER, start_maintenance),
    Action("/switches/maintenance/{window_id}/end", Role.RESPONDER, end_maintenance),
    Action("/switches/silence", Role.RESPONDER, start_silence),
    Action("/switches/silence/{silence_id}/end", Role.RESPONDER, end_silence),
)
