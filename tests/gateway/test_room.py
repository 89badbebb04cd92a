"""Many large bodies at once: a few are in work, the others wait or come again, none is lost."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.config.sources import MIB
from cct_ops.gateway.limits import NoRoom
from cct_ops.gateway.room import HELD_BYTES, SMALL_BYTES, WORKED_BYTES, Room
from cct_ops.gateway.writer import Writer
from cct_ops.ledger.intake.deliveries import Incoming
from tests.gateway.conftest import Doors
from tests.gateway.signing import firing

PATIENCE = 60.0
LARGEST = 8 * MIB  # of an Alertmanager


async def most_at_once(room: Room, sizes: list[int]) -> int:
    """Work on bodies of these sizes at once; returns how many bytes were ever in work together."""
    now, most, done = 0, 0, 0

    async def one(size: int) -> None:
        nonlocal now, most, done
        async with room.work(size, PATIENCE):
            now += size
            most = max(most, now)
            await asyncio.sleep(0)
            now -= size
        done += 1

    await asyncio.gather(*map(one, sizes))
    assert done == len(sizes)
    return most


@pytest.mark.parametrize(
    ("sizes", "together"),
    [
        ([LARGEST] * 20, LARGEST),
        ([8 * LARGEST] * 3, 8 * LARGEST),  # more than fits, so each is alone
        ([MIB // 4] * 40, WORKED_BYTES),
        ([MIB, LARGEST] * 10, LARGEST),
        ([SMALL_BYTES] * 200, 200 * SMALL_BYTES),  # these do not wait
    ],
)
def test_large_bodies_are_worked_on_in_turns(sizes: list[int], together: int) -> None:
    assert asyncio.run(most_at_once(Room(), sizes)) == together


def test_a_turn_that_does_not_come_is_given_up_and_hinders_nobody() -> None:
    async def crowd() -> None:
        room = Room()
        async with room.work(LARGEST, PATIENCE):
            with pytest.raises(TimeoutError):
                async with room.work(LARGEST, 0):
                    pytest.fail("two were in work")
            async with room.work(SMALL_BYTES, 0):
                pass
        async with room.work(LARGEST, PATIENCE):
            pass

    asyncio.run(crowd())


def test_what_is_held_is_bounded_but_for_small_bodies_and_one_alone() -> None:
    room = Room()
    with room.growing() as alone:
        alone(HELD_BYTES + 1)
        with room.growing() as small:
            small(SMALL_BYTES)
        with room.growing() as large, pytest.raises(NoRoom) as refused:
            large(SMALL_BYTES + 1)
    assert refused.value.answer.headers["Retry-After"] == "5"
    with room.growing() as later:
        later(HELD_BYTES)


def test_whoever_was_asked_to_retry_leaves_the_line(engine: sa.Engine) -> None:
    """A writer that is held up keeps no bodies of senders that have gone."""
    writer = Writer(engine)  # not started: it never comes to them

    async def give_up() -> None:
        async with asyncio.timeout(0):
            await writer.store(Incoming("alertmanager", b"{}", None))

    for _ in range(3):
        with pytest.raises(TimeoutError):
            asyncio.run(give_up())
    assert writer.waiting() == 0


def test_many_largest_bodies_at_once_are_all_stored(doors: Doors) -> None:
    """Their sender repeats, as Alertmanager does, what is answered with 503 or cut off."""
    before = doors.stored()

    def deliver(number: int) -> str:
        body = firing(9000 + number, kind="alertmanager").ljust(LARGEST)
        while True:
            try:
                answer = doors.send("alertmanager", body)
            except httpx.TransportError:
                continue
            if answer.status_code == 202:
                return str(answer.json()["status"])
            assert answer.status_code in {503, 408}  # on a busy machine it comes too slowly

    with ThreadPoolExecutor(10) as senders:
        assert set(senders.map(deliver, range(10))) == {"accepted"}
    assert doors.stored() == before + 10
