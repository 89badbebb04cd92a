"""Letters with links: sent once to each approver, again after a failure, by any gateway."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from cct_ops.errors import Unavailable
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import Door, asked


def letters(door: Door) -> list[str]:
    """Return to whom letters went."""
    return sorted(message.path for message in door.sandbox.slack_messages())


def test_several_gateways_send_one_letter_to_each(door: Door, engine: sa.Engine) -> None:
    asked(engine)

    def send(_: int) -> None:
        while door.office.send_one():
            pass

    with ThreadPoolExecutor(4) as gateways:
        list(gateways.map(send, range(4)))

    assert letters(door) == ["/slack/anna", "/slack/ben"]


def test_a_letter_that_could_not_be_sent_is_sent_later(door: Door, engine: sa.Engine) -> None:
    asked(engine)
    door.sandbox.faults(Fault(path="/slack/", error_status=503))
    with pytest.raises(Unavailable) as failure:
        door.office.send_one()
    assert "/approvals/" not in str(failure.value)
    door.sandbox.faults()

    door.link_of()

    assert letters(door) == ["/slack/anna", "/slack/ben"]


def test_no_letter_is_sent_for_what_cannot_be_answered_any_more(
    door: Door, engine: sa.Engine
) -> None:
    asked(engine, seconds=-1)

    assert not door.office.send_one()
    assert letters(door) == []
