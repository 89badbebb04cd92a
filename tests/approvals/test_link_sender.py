"""Messages with links: sent once to each approver, again after a failure, by any gateway."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from cct_ops.ledger import set_aside
from cct_ops.ledger.gate import approval_answers, approver_ways
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import ANNA, BEN, Door, asked, posted_link


def recipients(door: Door) -> list[str]:
    """Return who got a link."""
    return sorted(message.path for message in door.sandbox.slack_messages())


def test_several_gateways_send_one_letter_to_each(door: Door, engine: sa.Engine) -> None:
    asked(engine)

    def send(_: int) -> None:
        door.link_sender.send()

    with ThreadPoolExecutor(4) as gateways:
        list(gateways.map(send, range(4)))

    assert recipients(door) == ["/slack/anna", "/slack/ben"]


def test_a_request_that_cannot_be_read_keeps_no_letter_from_the_others(
    door: Door, engine: sa.Engine
) -> None:
    bad, _ = asked(engine), asked(engine)
    with engine.begin() as tx:
        tx.execute(sa.text("update approvals set plan = '[]' where id = :id"), {"id": bad.id})

    assert door.link_sender.send() == 2

    assert recipients(door) == ["/slack/anna", "/slack/ben"]
    assert {str(bad.id) in each.item for each in set_aside.listed(engine)} == {True}


def test_a_letter_that_could_not_be_sent_is_sent_later(
    door: Door, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    asked(engine)
    door.sandbox.faults(Fault(path="/slack/", error_status=503))
    assert door.link_sender.send() == 2
    assert "/approvals/" not in caplog.text
    door.sandbox.faults()

    door.link_of()

    assert recipients(door) == ["/slack/anna", "/slack/ben"]


def test_no_letter_is_sent_for_what_cannot_be_answered_any_more(
    door: Door, engine: sa.Engine
) -> None:
    asked(engine, seconds=-1)

    assert door.link_sender.send() == 0
    assert recipients(door) == []


def test_the_second_person_learns_that_the_first_said_yes(door: Door, engine: sa.Engine) -> None:
    """Once, by the same link, and only who has not answered."""
    approval = asked(engine, persons=2)
    door.link_of()
    said = Answer.of(ANNA, "link", approved=True)
    approval_answers.answer(engine, approval.id, said, person=ANNA)

    link = door.link_of(BEN)

    assert recipients(door) == ["/slack/anna", "/slack/ben", "/slack/ben"]
    newest = door.sandbox.slack_messages()[-1].body["blocks"][0]["text"]["text"]
    assert "Anna Ito said yes, 1 more person must." in newest
    assert posted_link(door.sandbox, BEN) == link
    assert "Anna Ito said yes, 1 more person must." in door.browser.get(link).text


def test_one_yes_that_is_enough_is_no_reason_for_a_second_letter(
    door: Door, engine: sa.Engine
) -> None:
    approval = asked(engine)
    door.link_of()
    approval_answers.answer(
        engine, approval.id, Answer.of(ANNA, "link", approved=True), person=ANNA
    )

    door.link_of()

    assert recipients(door) == ["/slack/anna", "/slack/ben"]


def test_the_gateway_writes_down_whom_it_reaches(door: Door, engine: sa.Engine) -> None:
    assert approver_ways.find_unreached(engine, (ANNA, BEN)) == {}
