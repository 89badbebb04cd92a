"""Temporary changes: what is weakened, until when, by whom, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cct_ops.board.page import Action, Asked, Board, FillAgain, Form, NoSuchPage, Page, Visitor
from cct_ops.config import policy
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.gate import change_ends, changes as ledger_changes
from cct_ops.ledger.gate.change_ends import AskedEnd, Longer
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.role import Role
from cct_ops.variables import said

SHOWN = 100
LONGEST_REASON = 300


class Changes(Frozen):
    """Those that have to be taken back, or the newest of all there were."""

    changes: tuple[TemporaryChange, ...]
    ended: bool
    asked_ends: Mapping[UUID, AskedEnd]
    by_a_yes: frozenset[UUID]
    longest_minutes: float


def read(board: Board, asked: Asked) -> Changes:
    """Read the open ones unless the address asks for all."""
    ended = asked.filter("state") == "all"
    found = ledger_changes.listed(board.engine, ended=ended)
    shown = tuple(found[-SHOWN:][::-1] if ended else found)
    there = [each for each in shown if each.open]
    rules = policy.read(board.settings.policy_path)
    return Changes(
        changes=shown,
        ended=ended,
        asked_ends=change_ends.newest_asked(board.engine, [each.id for each in there]),
        by_a_yes=change_ends.made_by_a_yes(board.engine, [each.run_id for each in there]),
        longest_minutes=rules.temporary_changes.longest_minutes,
    )


def extend(board: Board, visitor: Visitor, form: Form) -> str:
    """Let it last longer, or start the run that asks for the yes that this takes."""
    change_id, wrong = form.id("change_id"), {}
    minutes, reason = form.optional("minutes"), form.optional("reason")
    if not (minutes.isascii() and minutes.isdigit() and 1 <= int(minutes[:6]) <= 1440):
        wrong[f"minutes {change_id}"] = "Name 1 to 1440 minutes."
    if not reason or len(reason) > LONGEST_REASON:
        wrong[f"reason {change_id}"] = f"Say why, in {LONGEST_REASON} characters at most."
    if wrong:
        raise FillAgain("Nothing was extended.", wrong)
    # The gate is heavy, and needed here alone.
    from cct_ops.gate import extending

    wish = Longer(id=form.once, minutes=int(minutes), reason=reason, person=visitor.signature)
    rules = policy.read(board.settings.policy_path)
    made_by = ledger_changes.maker(board.engine, change_id)
    if made_by is None:
        raise NoSuchPage
    if change_ends.made_by_a_yes(board.engine, [made_by]):
        wish = wish.model_copy(update={"person": visitor.name})
    try:
        granted = extending.extend(board.engine, rules, change_id, wish)
    except NotPermitted as error:
        wrong[f"minutes {change_id}"] = str(error)
        raise FillAgain(f"Nothing was extended. {error}", wrong) from error
    if granted.asking_run_id is not None:
        return f"It takes a yes again: run {granted.asking_run_id} asks for it."
    lasts = f"{granted.change.call} lasts until {granted.change.until:%Y-%m-%d %H:%M} UTC."
    return f"{lasts} Its revert is made later: {granted.later}" if granted.later else lasts


def end(board: Board, visitor: Visitor, form: Form) -> str:
    """Ask for the run that puts back what was before, at once."""
    if not said("PREFECT_API_URL"):  # its client would start a server of its own
        raise BadConfiguration("Nothing was done: PREFECT_API_URL is not set for the board.")
    # Prefect's client is heavy, and needed here alone.
    from cct_ops.gate import scheduled_reverts

    change = ledger_changes.read(board.engine, form.id("change_id"))
    if not change.open:
        raise NotPermitted(f"{change.call} on {change.target} has ended: it is {change.state}.")
    run_id = scheduled_reverts.end(board.engine, change, by=visitor.signature)
    return f"Run {run_id} is asked to put back what was before {change.call}."


PAGE = Page(
    "changes",
    "Changes",
    "/changes",
    read,
    actions=(
        Action("/changes/{change_id}/end", Role.RESPONDER, end, seconds=60),
        Action("/changes/{change_id}/extend", Role.RESPONDER, extend, seconds=60),
    ),
)
