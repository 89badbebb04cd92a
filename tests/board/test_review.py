"""The review of an incident on the board, and what people promise there to do after it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.record import follow_ups
from cct_ops.models.follow_up import FollowUp, FollowUpState
from cct_ops.models.role import Role
from cct_ops.models.run import Outcome
from cct_ops.record.review import reading
from tests.board.conftest import Person, SignedIn
from tests.ledger.alerts import opened
from tests.ledger.history import attempt


@pytest.fixture
def run(engine: sa.Engine) -> UUID:
    """A run whose fix was not verified, which makes the review propose something."""
    return attempt(engine, Outcome.UNVERIFIED).id


def proposal(engine: sa.Engine, run: UUID) -> tuple[str, str]:
    """Return the name and the words of what is proposed."""
    found = reading.read(engine, run)
    assert found is not None
    return found.proposals[0].name, found.proposals[0].text


def only(engine: sa.Engine) -> FollowUp:
    (found,) = follow_ups.listed(engine)
    return found


def due_in(engine: sa.Engine, days: int) -> str:
    return (follow_ups.today(engine) + timedelta(days=days)).isoformat()


def test_it_has_the_ten_sections_and_the_incident_leads_to_it(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine, alertname="ExportLate")
    person = signed_in(Role.VIEWER)
    assert f'href="/incidents/{incident}/review"' in person.get(f"/incidents/{incident}").text

    shown = person.get(f"/incidents/{incident}/review").text

    assert all(f"<h2>{number}. " in shown for number in range(1, 11))
    assert "<svg" in shown
    assert "To be filled in by people" in shown
    assert f"cct-ops review {incident}" in shown
    assert "<form" not in shown.partition("<main")[2]  # a viewer promises nothing


def test_a_proposal_is_taken_on_once(signed_in: SignedIn, engine: sa.Engine, run: UUID) -> None:
    """With its owner by id, its day, and who took it on."""
    name, words = proposal(engine, run)
    person = signed_in(Role.RESPONDER)
    page, due = f"/incidents/{run}/review", due_in(engine, 3)
    assert words in person.get(page).text

    taken = person.send(f"{page}/accept", proposal=name, owner="Incident lead", due=due, back=page)
    again = person.send(f"{page}/accept", proposal=name, owner="on-call", due=due, back=page)

    assert taken.headers["location"] == page
    made = only(engine)
    assert (made.owner, made.due.isoformat(), made.proposal) == ("lead", due, name)
    assert made.made_by == "Anna Ito, signed in on the board"
    assert again.status_code == 409
    assert "somebody took it on" in again.text
    assert f"/accept-{name}" not in person.get(page).text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"text": " ", "owner": "lead"}, "Say the follow-up in 1 to 500 characters."),
        ({"text": "Look.", "owner": " "}, "Name an owner in 1 to 100 characters."),
        ({"text": "Look.", "owner": "lead", "due": "soon"}, "is no day"),
        ({"text": "Look.", "owner": "lead", "due": "2020-01-01"}, "is over: today is"),
        ({"text": "Look.", "owner": "lead", "due": "9999-01-01"}, "more than ten years away"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_kept(
    signed_in: SignedIn, engine: sa.Engine, given: dict[str, str], words: str
) -> None:
    page = f"/incidents/{opened(engine)}/review"
    form = {"due": due_in(engine, 1), "back": page, **given}

    answer = signed_in(Role.RESPONDER).send(f"{page}/add", **form)

    assert answer.status_code == 409
    shown = answer.text
    assert words in shown
    assert 'aria-invalid="true"' in shown
    assert all(f'value="{value}"' in shown for value in given.values() if value.strip())
    assert follow_ups.listed(engine) == []


def test_it_is_done_or_nobody_does_it(signed_in: SignedIn, engine: sa.Engine) -> None:
    """Once; whoever comes later is told how it ended."""
    page = f"/incidents/{opened(engine)}/review"
    person = signed_in(Role.RESPONDER)
    person.send(f"{page}/add", text="Raise it.", owner="Jo Doe", due=due_in(engine, 9))
    assert "Raise it." in person.get(page).text
    meant = f"{page}/follow-ups/{only(engine).id}"

    unsaid = person.send(f"{meant}/drop")
    done = person.send(f"{meant}/done", back=page)
    late = person.send(f"{meant}/drop", reason="No.")

    assert "fill in why" in unsaid.text
    assert done.headers["location"] == page
    assert only(engine).state is FollowUpState.DONE
    assert (late.status_code, "it is done already" in late.text) == (409, True)
    assert "done by Anna Ito" in person.get(page).text


def test_a_viewer_promises_nothing(signed_in: SignedIn, engine: sa.Engine) -> None:
    page = f"/incidents/{opened(engine)}/review"

    answer = signed_in(Role.VIEWER).send(f"{page}/add", text="x", owner="x", due="2099-01-01")

    assert answer.status_code == 403
    assert follow_ups.listed(engine) == []


def test_of_what_is_not_there_is_no_review(signed_in: SignedIn) -> None:
    person: Person = signed_in()

    assert person.get(f"/incidents/{uuid4()}/review").status_code == 404
    assert person.send(f"/incidents/{uuid4()}/review/add", text="x").status_code == 404
