"""Review: what people learn from an incident, and what they promise to do after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from markupsafe import Markup

from cct_ops.board.page import Action, Asked, Board, FillAgain, Form, NoSuchPage, Page, Visitor
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.record import follow_ups
from cct_ops.models.account import Account, AccountOf
from cct_ops.models.base import Frozen
from cct_ops.models.follow_up import FollowUpState
from cct_ops.models.review import LessonKind, Review
from cct_ops.models.role import Role
from cct_ops.record import promises
from cct_ops.record.review import picture, reading

USUAL_DAYS = 14


class Reviewed(Frozen):
    """The review with its picture, and what a follow-up can be given."""

    model_config = Frozen.model_config | {"arbitrary_types_allowed": True}

    review: Review
    wide: Markup
    narrow: Markup
    owners: tuple[str, ...]
    today: date
    kinds: tuple[LessonKind, ...] = tuple(LessonKind)

    @property
    def account(self) -> Account:
        """The account that it is made from."""
        return self.review.account

    @property
    def usual_due(self) -> date:
        """The day that a follow-up is due on unless somebody says another."""
        return self.today + timedelta(days=USUAL_DAYS)


def read(board: Board, asked: Asked) -> Reviewed:
    """Read the review of an incident, or of a run that was for none."""
    found = find_review(board, asked.place("incident_id"))
    # When it was read is no news.
    account = found.account.model_copy(update={"read_at": found.account.entries[-1].at})
    found = found.model_copy(update={"account": account})
    known = board.approvers()
    people = {each.id for each in known.approvers} if known else set()
    people |= {each.id for each in board.contacts().contacts}
    return Reviewed(
        review=found,
        wide=Markup(picture.wide(found)),  # noqa: S704 -- made by us, element by element
        narrow=Markup(picture.narrow(found)),  # noqa: S704 -- the same
        owners=tuple(sorted(people)),
        today=follow_ups.today(board.engine),
    )


def add(board: Board, visitor: Visitor, form: Form) -> str:
    """Write down what is to follow, whose it is, and by when."""
    topic = find_review(board, form.id("incident_id")).account.id
    wrong: dict[str, str] = {}
    words = _tried(lambda: promises.text(form.optional("text")), "text", wrong)
    return _promised(board, visitor, form, topic, words, wrong)


def accept(board: Board, visitor: Visitor, form: Form) -> str:
    """Take on what the review proposes."""
    review = find_review(board, form.id("incident_id"))
    name = form.optional("proposal")
    proposed = {each.name: each.text for each in review.proposals}
    if name not in proposed:
        raise NotPermitted(
            "Nothing was done: the review does not propose this any more, or somebody took it on."
        )
    return _promised(board, visitor, form, review.account.id, proposed[name], {}, proposal=name)


def done(board: Board, visitor: Visitor, form: Form) -> str:
    """Say that it is done."""
    return _ended(board, visitor, form, FollowUpState.DONE, None)


def drop(board: Board, visitor: Visitor, form: Form) -> str:
    """Say that nobody will do it, and why."""
    return _ended(board, visitor, form, FollowUpState.DROPPED, form.text("reason", "why"))


def find_review(board: Board, wanted: UUID) -> Review:
    """Return the review of an incident or a run; raises ``NoSuchPage`` where there is none."""
    found = reading.read(board.engine, wanted, board.link_to_run)
    if found is None or found.account.about is AccountOf.DELIVERY:
        raise NoSuchPage
    return found


def _promised(
    board: Board,
    visitor: Visitor,
    form: Form,
    topic: UUID,
    words: str,
    wrong: dict[str, str],
    *,
    proposal: str | None = None,
) -> str:
    """Make the follow-up, or show the form again with what does not fit beside its field."""
    given, settings = form.optional("owner"), board.settings
    today = follow_ups.today(board.engine)
    owner = _tried(lambda: promises.owner(given), "owner", wrong)
    due = _tried(lambda: promises.due(form.optional("due"), today).isoformat(), "due", wrong)
    if wrong:
        at = {f"{proposal or ''}.{field}": problem for field, problem in wrong.items()}
        raise FillAgain("Nothing was written down: something does not fit.", at)
    known = promises.known_owner(owner, settings.approvers_path, settings.contacts_path)
    made, new = follow_ups.add(
        board.engine,
        topic,
        words,
        owner=known or owner,
        due=date.fromisoformat(due),
        by=visitor.signature,
        proposal=proposal,
    )
    if not new:
        return f"Somebody took this on already: {made.owner}, by {made.due}."
    return f"{made.owner} is to do it by {made.due}."


def _tried(read_it: Callable[[], str], field: str, wrong: dict[str, str]) -> str:
    """Return what was typed as it is meant; note what is wrong with it, if so."""
    try:
        return read_it()
    except BadConfiguration as error:
        wrong[field] = f"{str(error)[0].upper()}{str(error)[1:]}."
        return ""


def _ended(
    board: Board, visitor: Visitor, form: Form, state: FollowUpState, reason: str | None
) -> str:
    meant = form.id("follow_up_id")
    ended = follow_ups.end(board.engine, meant, state, by=visitor.signature, reason=reason)
    now = follow_ups.find(board.engine, meant)
    if not ended and now.state is not state:
        raise NotPermitted(f"Nothing was done: it is {now.state} already, by {now.ended_by}.")
    return f"It is {now.state}: {now.text}"


_PATH = "/incidents/{incident_id}/review"
PAGE = Page(
    "incident_review",
    "Review",
    _PATH,
    read,
    in_menu=False,
    actions=(
        Action(f"{_PATH}/add", Role.RESPONDER, add),
        Action(f"{_PATH}/accept", Role.RESPONDER, accept),
        Action(f"{_PATH}/follow-ups/{{follow_up_id}}/done", Role.RESPONDER, done),
        Action(f"{_PATH}/follow-ups/{{follow_up_id}}/drop", Role.RESPONDER, drop),
    ),
)
