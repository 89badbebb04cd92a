"""What people do on the board: who may, what it changes, and under whose name it is on record."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.board import pages
from cct_ops.ledger.gate import approvals, changes, drains, switches
from cct_ops.ledger.people import acknowledgements, pages as paged
from cct_ops.ledger.people.tables import pages as page_rows
from cct_ops.models.change import ChangeState
from cct_ops.models.role import Role
from cct_ops.record import account
from tests.approvals.parts import asked, new_run, refusals, state
from tests.board.conftest import Person, SignedIn, weakened
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided
from tests.ledger.leaves import leaves

NEEDS = [(action.path, action.needs) for page in pages.ALL for action in page.actions]


def test_nobody_does_what_takes_more_than_their_role(signed_in: SignedIn) -> None:
    """And is told what it takes; nothing of it is offered to them either."""
    people = {role: signed_in(role) for role in Role}

    for path, needs in NEEDS:
        lesser = list(Role)[list(Role).index(needs) - 1]
        answer = people[lesser].send(path.replace("{", "").replace("}", ""), reason="because")
        assert answer.status_code == 403, path
        assert f"takes the role {needs}" in answer.text


def test_a_viewer_is_offered_nothing(signed_in: SignedIn, engine: sa.Engine) -> None:
    opened(engine)
    asked(engine)
    person = signed_in(Role.VIEWER)

    for path in ("/now", "/incidents", "/switches", "/approvals"):
        shown = person.get(path).text
        assert shown.count('<form method="post"') == 1, path  # to sign out
    assert person.get("/sessions").status_code == 403


def test_whoever_acknowledges_has_the_incident_and_pages_stop(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine, severity="critical")
    paged.ask(engine, f"incident {incident}", subject="P0", body="-", topic_id=incident)
    assert len(paged.due(engine)) == 1
    person = signed_in(Role.RESPONDER)

    answer = person.send(f"/incidents/{incident}/acknowledge", back=f"/incidents/{incident}")

    assert answer.headers["location"] == f"/incidents/{incident}"
    shown = person.get(f"/incidents/{incident}").text
    assert "You have this incident" in shown
    assert "Anna Ito has it" in shown
    assert paged.due(engine) == []
    told = account.read(engine, incident)
    assert told is not None
    (entry,) = [each for each in told.entries if each.kind == "acknowledgement"]
    assert entry.actor.name == "Anna Ito"
    assert entry.actor.proof == "signed in on the board by a one-time link, made by root"
    (leaf,) = leaves(engine, "acknowledgements")
    assert leaf.row["person"] == "Anna Ito"


def test_another_person_takes_an_incident_over_and_nobody_twice(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine)
    anna, ben = signed_in(Role.RESPONDER), signed_in(Role.RESPONDER, "Ben Okafor")
    path = f"/incidents/{incident}/acknowledge"
    anna.send(path)

    again, taken = anna.send(path), ben.send(path)

    assert (again.status_code, taken.status_code) == (409, 303)
    assert "You have this incident since" in again.text
    assert acknowledgements.holders(engine, [incident])[incident].person == "Ben Okafor"


@pytest.mark.parametrize("incident", ["0d8f6a6e-6a0c-4b53-9a5e-3f1f2f7c9b11", "no-id"])
def test_what_is_not_there_cannot_be_acknowledged(signed_in: SignedIn, incident: str) -> None:
    assert signed_in().send(f"/incidents/{incident}/acknowledge").status_code in {404, 409}


def test_the_kill_switch_needs_nothing_but_the_ledger(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """Neither Prefect's server nor a worker nor a controller is there in this test."""
    responder, approver = signed_in(Role.RESPONDER), signed_in(Role.APPROVER, "Ben Okafor")

    assert responder.send("/switches/stop", reason="what is going on?").status_code == 303

    stopped = switches.last(engine)
    assert stopped is not None
    assert (stopped.stopped, stopped.reason) == (True, "what is going on?")
    assert stopped.person == "Anna Ito, signed in on the board"
    assert "Automation is stopped." in responder.get("/now").text
    over = {"reason": "it is over", "stopped_at": stopped_at(approver)}
    assert responder.send("/switches/resume", **over).status_code == 403
    assert approver.send("/switches/resume", **over).status_code == 303
    assert "Automation is on." in responder.get("/now").text


def stopped_at(person: Person) -> str:
    """Return which stop the form is about that lets automation go on."""
    found = re.search(r'name="stopped_at" value="([^"]+)"', person.get("/now").text)
    assert found is not None
    return found[1]


def test_a_page_from_before_a_stop_lets_nothing_go_on_after_it(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """Of two who act at once the second is told of the first, and no old tab undoes a new stop."""
    anna, ben = signed_in(), signed_in(Role.ADMIN, "Ben Okafor")
    anna.send("/switches/stop", reason="the first")
    old = {"reason": "it is over", "stopped_at": stopped_at(anna)}
    assert anna.send("/switches/resume", **old).status_code == 303

    again = anna.send("/switches/resume", **old)
    assert (again.status_code, "is on already" in again.text) == (409, True)
    ben.send("/switches/stop", reason="the second")
    for form in (old, {"reason": "it is over"}):
        late = anna.send("/switches/resume", **form)
        assert late.status_code == 409
        assert "by Ben Okafor, signed in on the board: the second." in late.text

    last = switches.last(engine)
    assert last is not None
    assert last.stopped


def test_a_switch_takes_a_reason(signed_in: SignedIn, engine: sa.Engine) -> None:
    answer = signed_in().send("/switches/stop", reason="  \x00 ")

    assert answer.status_code == 409
    assert "fill in the reason" in answer.text
    assert switches.last(engine) is None


def test_a_target_is_held_and_released(signed_in: SignedIn, engine: sa.Engine) -> None:
    person = signed_in(Role.RESPONDER)
    form = {"target": "/daily-summary", "hours": "2", "reason": "I look at it"}

    assert person.send("/switches/hold", **form).status_code == 303
    assert switches.held(engine) == ["/daily-summary"]
    assert "I look at it" in person.get("/now").text
    assert person.send("/switches/release", target="/daily-summary").status_code == 303
    assert switches.held(engine) == []


def test_a_hold_that_makes_no_sense_is_refused_with_words(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person = signed_in()
    right = {"target": "/daily-summary", "hours": "2", "reason": "I look at it"}

    for wrong, words in (
        ({"target": "/no-such-page"}, "no playbook changes /no-such-page"),
        ({"target": ""}, "fill in the target"),
        ({"hours": "1000000"}, "choose for how long"),
        ({"reason": " "}, "fill in the reason"),
    ):
        answer = person.send("/switches/hold", **(right | wrong))
        assert answer.status_code == 409
        assert words in answer.text

    assert switches.held(engine) == []


def approve(
    signed_in: SignedIn, approval: approvals.Approval, name: str, decision: str = "approve"
) -> tuple[int, str]:
    """Answer as this person."""
    person = signed_in(Role.APPROVER, name)
    answer = person.send(
        f"/approvals/{approval.id}/{decision}", digest=approval.plan_digest, note="seen"
    )
    return answer.status_code, answer.text


def test_an_approver_s_yes_counts_by_name(signed_in: SignedIn, engine: sa.Engine) -> None:
    approval = asked(engine, form_accepted=True)

    assert approve(signed_in, approval, "Anna Ito")[0] == 303

    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.state, found.approver, found.note) == ("approved", "Anna Ito", "seen")
    told = account.read(engine, approval.run_id)
    assert told is not None
    (answer,) = [each for each in told.entries if each.kind == "answer"]
    assert (answer.actor.name, answer.actor.proof) == ("Anna Ito", "signed in on the board")


def test_nobody_approves_a_run_that_they_started(signed_in: SignedIn, engine: sa.Engine) -> None:
    """Not even where one person is enough; to decline it they may."""
    approval = asked(engine, form_accepted=True, started_by="anna ito")

    status, words = approve(signed_in, approval, "Anna Ito")

    assert status == 409
    assert "You started this run" in words
    assert state(engine, approval) == "pending"
    assert approve(signed_in, approval, "Ben Okafor")[0] == 303
    other = asked(engine, new_run(), form_accepted=True, started_by="anna ito")
    assert approve(signed_in, other, "Anna Ito", "decline")[0] == 303


def test_who_is_not_on_the_list_approves_only_what_takes_anybody(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    approval = asked(engine, form_accepted=False)

    status, words = approve(signed_in, approval, "Nobody Known")

    assert status == 409
    assert "not on the list of approvers" in words
    assert refusals(engine)[-1].startswith("You are not on the list")


def test_a_plan_that_changed_since_it_was_shown_is_not_approved(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    approval = asked(engine, form_accepted=True)
    person = signed_in()

    answer = person.send(f"/approvals/{approval.id}/approve", digest="0" * 64)

    assert answer.status_code == 409
    assert "not the one that was shown" in answer.text


def test_a_page_of_an_incident_that_somebody_has_ends_with_the_reason(engine: sa.Engine) -> None:
    incident: UUID = opened(engine, severity="critical")
    paged.ask(engine, f"incident {incident}", subject="P0", body="-", topic_id=incident)
    acknowledgements.record(engine, incident, "Anna Ito", "a proof")

    paged.settle(engine)

    with engine.connect() as connection:
        notes = connection.execute(sa.select(page_rows.c.note)).scalars().all()
    assert notes == ["Not sent: acknowledged by Anna Ito."]


def test_a_change_that_has_ended_is_not_ended_again(signed_in: SignedIn, engine: sa.Engine) -> None:
    change = weakened(engine)
    changes.finish(engine, change.id, ChangeState.REVERTED, "It was time.")

    answer = signed_in(Role.RESPONDER).send(f"/changes/{change.id}/end")

    assert answer.status_code == 409
    assert "has ended: it is reverted" in answer.text


def test_an_incident_leads_to_its_run_in_prefect(
    signed_in: SignedIn, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_UI_URL", "https://prefect.example/")
    run = a_run(incident_id=opened(engine))
    decided(engine, run)

    shown = signed_in(Role.VIEWER).get(f"/incidents/{run.incident_id}").text

    assert f'href="https://prefect.example/v2/runs/flow-run/{run.id}"' in shown


def test_it_is_drained_and_let_go_on_by_name(signed_in: SignedIn, engine: sa.Engine) -> None:
    """And no old tab ends a drain that its person has not seen."""
    approver = signed_in(Role.APPROVER)
    assert approver.send("/switches/drain", reason="the new release").status_code == 303
    assert approver.send("/switches/drain", reason="again").status_code == 409

    drain = drains.standing(engine)
    assert drain is not None
    assert drain.person == "Anna Ito, signed in on the board"
    for path in ("/now", "/switches"):
        assert "Drained: no new run begins." in approver.get(path).text
    assert approver.send("/switches/end-drain", reason="late").status_code == 409
    seen = re.search(r'name="since" value="([^"]+)"', approver.get("/switches").text)
    assert seen is not None
    over = {"reason": "it is there", "since": seen[1]}
    assert approver.send("/switches/end-drain", **over).status_code == 303
    assert "Drained: no new run begins." not in approver.get("/now").text
    assert approver.send("/switches/end-drain", **over).status_code == 409
