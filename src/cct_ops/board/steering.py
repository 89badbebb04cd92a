"""The runs at work on an incident, and the three ways in which a person takes one over."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from cct_ops.board.page import Action, Board, FillAgain, Form, NoSuchPage, Visitor
from cct_ops.errors import NotPermitted
from cct_ops.gate.takeover import at_work, take_over as take_over_run
from cct_ops.ledger import clock
from cct_ops.ledger.gate import takeovers
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.models.account import Account
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.models.takeover import Choice, RunProgress, Takeover
from cct_ops.reports import takeovers as words

LENGTHS = (1, 2, 4, 8, 24)


class Way(Frozen):
    """One of the three, with what it does to this run now; ``open`` if it can still be chosen."""

    choice: Choice
    effect: str
    open: bool


class Steered(Frozen):
    """A run at work: where it stands, who steers it, and how it can be taken over."""

    run_id: UUID
    standing: str
    taken: Takeover | None
    target: str
    ways: tuple[Way, ...]

    @property
    def open(self) -> bool:
        """True if there is a choice left."""
        return any(way.open for way in self.ways)


def steered(board: Board, account: Account) -> tuple[Steered, ...]:
    """Return the runs of an account that are at work."""
    going_on = tuple(run.id for run in account.runs if run.outcome is None)
    return tuple(_steered(board, run) for run in at_work(board.engine, going_on))


def _steered(board: Board, run: RunProgress) -> Steered:
    taken = takeovers.of_run(board.engine, run.run_id)
    return Steered(
        run_id=run.run_id,
        standing=words.standing(run),
        taken=taken,
        target=run.target,
        ways=tuple(
            Way(
                choice=choice,
                effect=words.effect(run, choice),
                open=taken is None or (choice.stops and not taken.choice.stops),
            )
            for choice in Choice
        ),
    )


def take_over(board: Board, visitor: Visitor, form: Form) -> str:
    """Have the run stop or only watch on, as the person chose."""
    try:
        run_id, choice = UUID(form.optional("run_id")), Choice(form.optional("choice"))
    except ValueError:
        raise NoSuchPage from None
    reason, until = form.optional("reason"), _until(board, form.optional("hours"))
    if not reason:
        wrong = {f"reason {run_id}": "Say why: whoever reads of it will ask."}
        raise FillAgain("Nothing was done.", wrong)
    wish = Wish(
        choice=choice,
        person=visitor.name,
        proof=visitor.session.proof,
        signature=visitor.signature,
        reason=reason,
        held_until=until,
    )
    taken, found = take_over_run(board.engine, run_id, wish, board.prefect.work_of)
    return f"You took it over: {choice}. {words.effect(found, choice)} " + words.held(
        taken.target, taken.held_until
    )


def _until(board: Board, hours: str) -> datetime:
    if hours not in {str(each) for each in LENGTHS}:
        raise NotPermitted("Nothing was done: choose for how long automation leaves it alone.")
    return clock.read(board.engine) + timedelta(hours=int(hours))


ACTIONS = (Action("/incidents/{incident_id}/takeover", Role.RESPONDER, take_over),)
