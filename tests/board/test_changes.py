"""Temporary changes on the board: extended with a reason, by whom it takes; ended once."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate import change_ends, changes
from cct_ops.ledger.gate.tables import approvals
from cct_ops.models.role import Role
from tests.approvals.parts import asked, new_run
from tests.board.conftest import SignedIn, weakened

LONGER = {"minutes": "90", "reason": "The release is not out yet"}


def test_a_change_is_extended_by_name_and_once_although_prefect_is_away(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """The row is the truth: the sweep makes the run that ends it."""
    change, once = weakened(engine), str(uuid4())
    person = signed_in(Role.RESPONDER)
    path = f"/changes/{change.id}/extend"

    first = person.send(path, once=once, back="/changes", **LONGER)
    extended = changes.read(engine, change.id).until
    person.send(path, once=once, back="/changes", **LONGER)

    assert first.headers["location"] == "/changes"
    assert changes.read(engine, change.id).until == extended > change.until
    shown = person.get("/changes").text
    assert "Its revert is made later" in shown
    assert "It may last 240 minutes in all." in shown
    with engine.connect() as connection:
        rows = connection.execute(sa.text("select person, reason from extensions")).all()
    assert [tuple(row) for row in rows] == [
        ("Anna Ito, signed in on the board", "The release is not out yet")
    ]


def test_an_extension_that_makes_no_sense_is_refused_beside_its_field(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    change = weakened(engine)
    person = signed_in()
    for wrong, words in (
        ({"minutes": "0"}, "Name 1 to 1440 minutes."),
        ({"minutes": "٣"}, "Name 1 to 1440 minutes."),
        ({"minutes": "9" * 400}, "Name 1 to 1440 minutes."),
        ({"minutes": "1440"}, "240 minutes in all"),
        ({"minutes": "1"}, "It lasts until"),
        ({"reason": "\x00"}, "Say why"),
        ({"reason": "x" * 301}, "Say why"),
    ):
        answer = person.send(f"/changes/{change.id}/extend", **(LONGER | wrong))
        assert (answer.status_code, words in answer.text) == (409, True), wrong
        assert 'aria-invalid="true"' in answer.text, wrong
    assert changes.read(engine, change.id).until == change.until
    assert person.send(f"/changes/{uuid4()}/extend", **LONGER).status_code == 404


def test_what_took_a_yes_is_not_extended_by_whoever_presses_the_button(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    change = weakened(engine)
    asked(engine, new_run(change.run_id))
    with engine.begin() as tx:
        tx.execute(sa.update(approvals).values(state="approved", approver="Incident lead"))
    person = signed_in(Role.ADMIN)

    assert "Ask to extend" in person.get("/changes").text
    answer = person.send(f"/changes/{change.id}/extend", **LONGER)

    assert (answer.status_code, "Nobody was asked" in answer.text) == (409, True)
    assert changes.read(engine, change.id).until == change.until


def test_a_change_whose_end_was_asked_says_so_and_is_not_ended_again(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    change = weakened(engine)
    change_ends.record_asked(engine, change.id, uuid4(), "Ben Okafor, signed in on the board")
    person = signed_in(Role.RESPONDER)

    for path in ("/changes", "/now"):
        shown = person.get(path).text
        assert "<b>Its end was asked</b> by Ben Okafor" in shown, path
        assert f"/changes/{change.id}/end" not in shown, path
    answer = person.send(f"/changes/{change.id}/extend", **LONGER)
    assert "Ben Okafor, signed in on the board wants it to end now" in answer.text
    with engine.begin() as tx:
        tx.execute(sa.text("update asked_ends set at = at - interval '6 minutes'"))
    assert "Ask again" in person.get("/changes").text
