"""Incidents that are assigned, and what people note about them."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from cct_ops.board.page import Board
from cct_ops.ledger.people import acknowledgements, assignments, notes, pages as paged
from cct_ops.models.account import Entry
from cct_ops.models.role import Role
from cct_ops.record import account
from cct_ops.settings import Settings
from tests.board.conftest import SignedIn
from tests.ledger.alerts import opened
from tests.ledger.leaves import leaves

PROOF = "signed in on the board by a one-time link, made by root"


def told(engine: sa.Engine, incident: UUID, kind: str) -> list[Entry]:
    """Return the steps of this kind in the incident's account."""
    found = account.read(engine, incident)
    assert found is not None
    return [each for each in found.entries if each.kind == kind]


def test_whoever_is_assigned_is_told_and_does_not_have_it_yet(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine, severity="critical")
    paged.ask(engine, f"incident {incident}", subject="P0", body="-", topic_id=incident)
    person = signed_in(Role.RESPONDER)
    path = f"/incidents/{incident}/assign"

    assert person.send(path, person="lead", back=f"/incidents/{incident}").status_code == 303

    shown = person.get(f"/incidents/{incident}").text
    assert "Assigned to <b>Incident lead</b> by Anna Ito" in shown
    assert "who is being told" in shown
    assert "assigned to Incident lead by Anna Ito" in person.get("/now").text
    assert "Nobody has it" in shown
    assert acknowledgements.holders(engine, [incident]) == {}
    pages = paged.newest(engine, 9)
    assert [each.page.addressee for each in pages] == ["lead", None]
    assert "Anna Ito assigned to you: CanaryRolledBack" in pages[0].page.subject
    (entry,) = told(engine, incident, "assignment")
    assert (entry.text, entry.actor.proof) == ("assigned to Incident lead by Anna Ito", PROOF)
    assert [each.row["person"] for each in leaves(engine, "assignments")] == ["Incident lead"]
    again = person.send(path, person="lead")
    assert (again.status_code, "was assigned to Incident lead by" in again.text) == (409, True)


def test_whoever_takes_an_assigned_incident_ends_the_asking(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine)
    person = signed_in(Role.RESPONDER)
    acknowledgements.record(engine, incident, "Ben Okafor", "a proof")
    person.send(f"/incidents/{incident}/assign", person="lead")
    assert len(paged.due(engine)) == 1  # although somebody has it

    acknowledgements.record(engine, incident, "Incident lead", "a proof")

    assert (
        assignments.newest(engine, [incident], acknowledgements.holders(engine, [incident])) == {}
    )
    assert paged.due(engine) == []
    again = person.send(f"/incidents/{incident}/assign", person="lead")
    assert (again.status_code, "has this incident since" in again.text) == (409, True)


def test_an_assignment_to_nobody_is_refused_beside_its_field(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine)

    for name in ("Nobody <b>Known</b>", "\u202e", "x" * 900):
        answer = signed_in().send(f"/incidents/{incident}/assign", person=name)
        assert answer.status_code == 409
        assert "<b>Known" not in answer.text
    assert "known are on-call" not in answer.text
    assert "known are On-call engineer" in answer.text

    assert (
        assignments.newest(engine, [incident], acknowledgements.holders(engine, [incident])) == {}
    )


def test_the_next_assignment_takes_back_what_the_first_one_was_not_told_yet(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine)
    person = signed_in(Role.RESPONDER)
    for name in ("lead", "product-owner"):
        assert person.send(f"/incidents/{incident}/assign", person=name).status_code == 303

    first, second = sorted(paged.newest(engine, 9), key=lambda each: each.page.raised_at)

    assert first.page.note == "It was assigned to product-owner since."
    assert (second.page.addressee, second.page.ended_at) == ("product-owner", None)


def test_a_note_is_in_the_account_by_name_and_once(signed_in: SignedIn, engine: sa.Engine) -> None:
    incident = opened(engine)
    person = signed_in(Role.RESPONDER)
    once = "6a4c1a9e-6d26-4b5e-9f43-0a3b1c0f8d11"
    text = "Rolled back by hand.\r\n<script>alert(1)</script> \u202e\x1b[31m token=abcdefghij"

    for _ in range(2):  # two clicks
        sent = person.send(f"/incidents/{incident}/note", note=text, once=once)
        assert sent.status_code == 303

    shown = person.get(f"/incidents/{incident}").text
    assert "Rolled back by hand.<br>&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    (entry,) = told(engine, incident, "note")
    assert (entry.actor.name, entry.actor.proof) == ("Anna Ito", PROOF)
    assert "token=[redacted]" in entry.text
    assert [each.row["id"] for each in leaves(engine, "notes")] == [once]


def test_a_note_that_is_too_long_is_not_lost(signed_in: SignedIn, engine: sa.Engine) -> None:
    incident = opened(engine)
    person = signed_in(Role.RESPONDER)
    long = "一" * (notes.LONGEST + 1)

    answer = person.send(f"/incidents/{incident}/note", note=long)

    assert answer.status_code == 409
    assert "a note has 2000 characters at most, and this has 2001 characters" in answer.text
    assert long in answer.text
    assert "the note is empty" in person.send(f"/incidents/{incident}/note", note=" \n").text
    assert told(engine, incident, "note") == []


def test_nothing_is_assigned_or_noted_where_there_is_no_incident(signed_in: SignedIn) -> None:
    nobodys = "/incidents/0d8f6a6e-6a0c-4b53-9a5e-3f1f2f7c9b11"

    assert signed_in().send(f"{nobodys}/note", note="here").status_code in {404, 409}
    assert signed_in().send(f"{nobodys}/assign", person="lead").status_code in {404, 409}


def test_the_list_of_approvers_is_read_once_for_each_time_that_it_was_written(
    engine: sa.Engine, tmp_path: Path, board_settings: Settings
) -> None:
    path = tmp_path / "approvers.yaml"
    path.write_text("approvers: [{id: anna, name: Anna Ito, slack_user_id: U0ANNA}]")
    board = Board(engine, board_settings.model_copy(update={"approvers_path": path}))

    first, again = board.approvers(), board.approvers()
    path.write_text("approvers: [{id: ben, name: Ben Okafor, slack_user_id: U0BEN}]")
    later = board.approvers()
    path.unlink()

    assert first is again
    assert later is not None
    assert [each.name for each in later.approvers] == ["Ben Okafor"]
    assert board.approvers() is None
