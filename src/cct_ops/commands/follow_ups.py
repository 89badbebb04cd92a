"""``cct-ops follow-ups``: what people promised to do after an incident, until it is done."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import Styled, columns, say, show

if TYPE_CHECKING:
    from uuid import UUID

    from cct_ops.models.follow_up import FollowUp, FollowUpState

follow_ups = App(name="follow-ups")

FollowUpId = Annotated[
    str, Parameter(help="Its id, or as much of it as `cct-ops follow-ups` shows.")
]
IncidentId = Annotated[
    str, Parameter(help="The incident's id or the beginning of it; also that of a run.")
]
Owner = Annotated[str, Parameter(help="A contact or an approver by id or name, or any other name.")]
Due = Annotated[str, Parameter(help="The last day, in UTC: 2026-12-24, or 14d or 2w from today.")]

_COLUMNS = columns("id", "due", "owner", text="follow-up", stands="state") | {
    "incident": "incident",
    "issue": "issue",
}


@follow_ups.default
def listed(
    *,
    open_: Annotated[
        bool, Parameter(name="--open", negative="", help="Only the open ones.")
    ] = False,
    overdue: Annotated[bool, Parameter(negative="", help="Only those past their day.")] = False,
    owner: Annotated[str | None, Parameter(help="Only those of this owner.")] = None,
    incident: Annotated[str | None, Parameter(help="Only those of this incident or run.")] = None,
    as_json: Json = False,
) -> int:
    """List what people promised to do after an incident, what is due first at the top."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.record import follow_ups as rows

    engine = ledger()
    found = rows.listed(
        engine,
        only_open=open_,
        overdue=overdue,
        owner=None if owner is None else _known(owner) or _named(owner),
        topic_id=None if incident is None else _topic(incident),
    )
    today = rows.today(engine)
    short = ids.shortened(engine, [each.id for each in found], ids.Kind.FOLLOW_UP)
    short |= ids.shortened(engine, [each.topic_id for each in found], *ids.WHATEVER)
    rows_shown = [_row(each, today) for each in found]
    show(_COLUMNS, rows_shown, as_json=as_json, short=short, empty="There is no such follow-up.")
    return 0


def _row(each: FollowUp, today: date) -> dict[str, object]:
    stands = each.stands(today)
    return {
        "id": each.id,
        "due": each.due.isoformat(),
        "owner": each.owner,
        "text": each.text,
        "stands": Styled(stands, "bold red") if each.overdue(today) else stands,
        "incident": each.topic_id,
        "issue": each.issue_url,
        "state": each.state,
        "reason": each.reason,
        "proposal": each.proposal,
        "made_by": each.made_by,
        "made_at": each.made_at,
        "ended_by": each.ended_by,
        "ended_at": each.ended_at,
    }


@follow_ups.command
def add(
    incident: IncidentId,
    text: Annotated[str, Parameter(help="What is to be done.")],
    *,
    owner: Owner,
    due: Due,
) -> int:
    """Write down what is to follow of an incident, whose it is, and by when."""
    from cct_ops.ledger.record import follow_ups as rows

    engine, topic, words = ledger(), _topic(incident), _text(text)
    day = _due(due, rows.today(engine))
    made, _ = rows.add(engine, topic, words, owner=_owner(owner), due=day, by=person())
    _say_whose(made, "made")
    return 0


@follow_ups.command
def accept(
    incident: IncidentId,
    proposal: Annotated[str, Parameter(help="Its name, as `cct-ops review` shows it.")],
    *,
    owner: Owner,
    due: Due,
) -> int:
    """Take on what the review of an incident proposes."""
    from cct_ops.clients.text import one_line
    from cct_ops.commands.names import refused
    from cct_ops.ledger.record import follow_ups as rows
    from cct_ops.models.follow_up import LONGEST_TEXT
    from cct_ops.record.review import reading

    engine, topic = ledger(), _topic(incident)
    review = reading.read(engine, topic)
    proposed = {each.name: each.text for each in review.proposals} if review else {}
    taken = {each.proposal for each in review.follow_ups} if review else set()
    if proposal not in proposed and proposal not in taken:
        raise refused(proposal, proposed, f"proposal for {topic}")
    words = one_line(proposed.get(proposal, proposal), LONGEST_TEXT)
    day = _due(due, rows.today(engine))
    made, new = rows.add(
        engine, topic, words, owner=_owner(owner), due=day, by=person(), proposal=proposal
    )
    _say_whose(made, "made" if new else "there already")
    return 0


@follow_ups.command
def done(follow_up: FollowUpId) -> int:
    """Say that it is done; its issue on GitHub, if it has one, is closed within a minute."""
    from cct_ops.models.follow_up import FollowUpState

    return _end(follow_up, FollowUpState.DONE, None)


@follow_ups.command
def drop(
    follow_up: FollowUpId, *, reason: Annotated[str, Parameter(help="Why nobody will do it.")]
) -> int:
    """Say that nobody will do it, and why."""
    from cct_ops.models.follow_up import FollowUpState

    return _end(follow_up, FollowUpState.DROPPED, _text(reason, "reason"))


@follow_ups.command
def assign(
    follow_up: FollowUpId,
    *,
    owner: Annotated[str | None, Parameter(help="Whose it is from now on.")] = None,
    due: Annotated[str | None, Parameter(help="The last day from now on, as for `add`.")] = None,
) -> int:
    """Give it to somebody else, put its day off or forward, or both."""
    from cct_ops.ledger.record import follow_ups as rows

    if owner is None and due is None:
        raise BadConfiguration("name --owner, --due or both")
    meant = _meant(follow_up)
    changed = rows.assign(
        ledger(),
        meant,
        owner=None if owner is None else _owner(owner),
        due=None if due is None else _due(due, rows.today(ledger())),
        by=person(),
    )
    now = rows.find(ledger(), meant)
    if not changed:
        raise BadConfiguration(f"follow-up {now.id} is {now.state}: it is nobody's any more")
    _say_whose(now, "changed")
    return 0


def _end(follow_up: str, state: FollowUpState, reason: str | None) -> int:
    from cct_ops.ledger.record import follow_ups as rows

    meant = _meant(follow_up)
    ended = rows.end(ledger(), meant, state, by=person(), reason=reason)
    now = rows.find(ledger(), meant)
    if not ended and now.state is not state:
        raise BadConfiguration(f"follow-up {now.id} is {now.state} already, by {now.ended_by}")
    say(f"Follow-up {now.id} is {now.state}: {now.text}")
    return 0


def _say_whose(made: FollowUp, word: str) -> None:
    say(f"Follow-up {made.id} is {word}: {made.text}")
    say(f"{made.owner} is to do it by {made.due}.")


def _meant(follow_up: str) -> UUID:
    from cct_ops.ledger import ids

    return ids.one(ledger(), follow_up, ids.Kind.FOLLOW_UP, listed_by="cct-ops follow-ups")


def _topic(incident: str) -> UUID:
    """Return the incident that is meant, or the run that was for none."""
    from cct_ops.commands.incident import of
    from cct_ops.models.account import AccountOf

    account = of(ledger(), incident)
    if account.about is AccountOf.DELIVERY:
        raise BadConfiguration(f"delivery {account.id} led to no incident, so nothing can follow")
    return account.id


def _text(text: str, what: str = "follow-up") -> str:
    from cct_ops.record import promises

    return promises.text(text, what)


def _owner(name: str) -> str:
    """Return the id of the contact or approver who is meant, or the name as it is, said so."""
    known = _known(name)
    if known is not None:
        return known
    line = _named(name)
    say(f"{line} is neither a contact nor an approver: reminders name them, and that is all.")
    return line


def _named(name: str) -> str:
    from cct_ops.record import promises

    return promises.owner(name)


def _known(name: str) -> str | None:
    from cct_ops.record import promises
    from cct_ops.settings import Settings

    settings = Settings.load()
    return promises.known_owner(name, settings.approvers_path, settings.contacts_path)


def _due(text: str, today: date) -> date:
    from cct_ops.record import promises

    return promises.due(text, today, called="--due ")
