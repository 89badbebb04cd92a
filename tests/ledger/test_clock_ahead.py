"""What a ledger whose clock was ahead has written down holds nobody up once it is right."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.clients.pacing import Answer
from cct_ops.errors import KeyRefused, Unavailable
from cct_ops.ledger import clock
from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.pacing import LedgerPacer, paused_seconds
from cct_ops.ledger.gate.refused_keys import LedgerKeys
from cct_ops.ledger.gate.tables import readings, refused_keys, request_pauses, requests, run_leases
from tests.clients.parts import Wire, once, refusal
from tests.ledger.history import a_run
from tests.ledger.test_refused_keys import scripted
from tests.stack.polling import eventually


def move(engine: sa.Engine, table: sa.Table, *moments: str) -> None:
    """Let what is there have been written while the clock was ten minutes ahead."""
    with engine.begin() as tx:
        later = {name: table.c[name] + timedelta(minutes=10) for name in moments}
        tx.execute(sa.update(table).values(later))


def test_what_was_read_while_the_clock_was_ahead_is_not_taken_for_new(engine: sa.Engine) -> None:
    """Else a look after a change would see what was before it, and a good fix be undone."""
    read = {"cct": "http://cct", "key": "limits", "status": 200, "headers": {}, "body": b"before"}
    later = sa.text("clock_timestamp() + '5 minutes'")
    with engine.begin() as tx:
        tx.execute(sa.insert(readings).values(read | {"began_at": later}))
    here = LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=1)

    assert here.read("limits", lambda: Answer(200, {}, b"after")).body == b"after"


def test_what_was_read_while_the_clock_was_ahead_is_not_new_when_that_time_comes(
    engine: sa.Engine,
) -> None:
    """An early look is taken for an alert that came a moment before it, and this one is older."""
    read = {"cct": "http://cct", "key": "limits", "status": 200, "headers": {}, "body": b"before"}
    soon = sa.text("clock_timestamp() + '2 seconds'")
    with engine.begin() as tx:
        tx.execute(sa.insert(readings).values(read | {"began_at": soon}))
    came = clock.read(engine)
    here = LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=1, since=came)

    def send() -> Answer:
        raise Unavailable("No answer.")

    with pytest.raises(Unavailable):
        here.read("limits", send)
    eventually(lambda: (clock.read(engine) - came).total_seconds() > 2)
    assert here.read("limits", lambda: Answer(200, {}, b"after")).body == b"after"


def test_a_pause_of_a_clock_that_was_ahead_holds_nobody_up(engine: sa.Engine) -> None:
    """Else all would be silent for minutes, and a change that nobody can look at is undone."""
    ahead = {"set_at": sa.text("clock_timestamp() + '9 minutes'"), "cct": "http://cct"}
    with engine.begin() as tx:
        later = sa.text("clock_timestamp() + '10 minutes'")
        tx.execute(sa.insert(request_pauses).values(ahead | {"until": later}))
    here = LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=1)

    assert paused_seconds(engine, "http://cct") == 0
    assert here.read("limits", lambda: Answer(200, {}, b"{}")).status == 200
    with here.write_slot():
        pass

    here.back_off(30)
    assert 0 < paused_seconds(engine, "http://cct") <= 30
    here.back_off(600)
    here.back_off(30)
    assert 570 < paused_seconds(engine, "http://cct") <= 600


def test_requests_of_a_clock_that_was_ahead_leave_room_for_others(engine: sa.Engine) -> None:
    """No request lasts for longer than one that is under way may."""
    later = sa.text("clock_timestamp() + '5 minutes'")
    sent = [{"cct": "http://cct", "write": False}] * 10
    with engine.begin() as tx:
        tx.execute(sa.insert(requests).values(expires_at=later), sent)
    here = LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=4)

    assert not isinstance(here._try(write=False), float)


def test_a_lock_that_was_met_while_the_ledgers_clock_was_ahead_keeps_nobody_away(
    engine: sa.Engine,
) -> None:
    """It would last for so much longer than CCT's."""
    locked = Wire(423, refusal("Locked", "API_KEY_LOCKED_OUT"), {"Retry-After": "900"})
    with scripted(locked, LedgerKeys(engine, "http://cct")) as transport, pytest.raises(KeyRefused):
        transport.read("canary/status")
    move(engine, refused_keys, "until", "refused_at")

    with scripted(Wire(200, once({})), LedgerKeys(engine, "http://cct")) as transport:
        assert transport.read("canary/status") == {}


@pytest.fixture
def held_while_ahead(engine: sa.Engine) -> UUID:
    """A run that showed its last sign of life while the ledger's clock was ahead."""
    run = a_run()
    leases.extend(engine, run.id, 30)
    move(engine, run_leases, "expires_at", "shown_at")
    return run.id


def test_a_sign_of_life_is_no_longer_for_a_clock_that_was_ahead_at_the_one_before(
    engine: sa.Engine, held_while_ahead: UUID
) -> None:
    leases.extend(engine, held_while_ahead, 20)

    over = leases.seconds_over(engine, held_while_ahead)
    assert over is not None
    assert -30 <= over < 0
    with engine.begin() as tx:
        leases.touch(tx, held_while_ahead, 0)  # which takes nothing off it
    assert (leases.seconds_over(engine, held_while_ahead) or 0) < 0


def test_who_died_while_the_clock_was_ahead_is_not_taken_for_alive_for_as_long(
    engine: sa.Engine, held_while_ahead: UUID
) -> None:
    """What it held would be held, and what it changed would stand, for minutes."""
    leases.set_right(engine)

    over = leases.seconds_over(engine, held_while_ahead)
    assert over is not None
    assert -30 <= over < 0
    leases.set_right(engine)  # which gives it no more
    assert (leases.seconds_over(engine, held_while_ahead) or 0) > over
