"""A gateway that knows every kind of sender, as the hostile and the unlucky meet it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import psutil
import pytest
import sqlalchemy as sa

from cct_ops.gateway.limits import BODY_SECONDS, HEAD_SECONDS
from cct_ops.ledger.intake.tables import dispatches
from tests.gateway.conftest import Doors
from tests.gateway.signing import OTHER_SECRET, SOURCES, firing
from tests.stack.polling import eventually


@pytest.mark.parametrize("name", SOURCES)
def test_each_sender_comes_in_by_its_own_door(doors: Doors, name: str) -> None:
    """And by no other's, with the same body and the same key."""
    body, before = firing(100, kind=name), doors.stored()
    answer = doors.send(name, body)
    again = doors.send(name, body)

    assert (answer.status_code, again.status_code) == (202, 202), answer.text
    assert (answer.json()["status"], again.json()["duplicate"]) == ("accepted", True)
    assert len(answer.json()["incidents"]) == 1
    assert doors.stored() == before + 1
    refused = doors.send(name, body, secret=OTHER_SECRET)
    assert (refused.status_code, doors.stored()) == (401, before + 1)


def test_an_old_request_is_not_let_in(doors: Doors) -> None:
    """Whoever captured it comes too late."""
    body, before = firing(200, kind="standard"), doors.stored()
    for seconds in (-301, 301):
        answer = doors.send("standard", body, timedelta(seconds=seconds))
        assert answer.status_code == 401

    assert doors.stored() == before


def test_too_many_headers_are_not_read(doors: Doors) -> None:
    """No sender has a use for so many."""
    many = {f"x-{number}": "y" for number in range(70)}
    long = {"x-long": "y" * 17_000}

    assert doors.send("json", b"{}", **many).status_code == 431
    with httpx.Client(base_url=doors.gateway.sender.base_url, trust_env=False) as sender:
        try:
            status = sender.post("/hooks/json", headers=long).status_code
        except httpx.TransportError:
            status = 0  # cut off while it still came
    assert status in {0, 400, 431}


def test_a_large_body_costs_no_memory(doors: Doors) -> None:
    """It is refused at its announced length, hardly read."""
    process = psutil.Process(doors.gateway.process.pid)
    doors.send("github", b"{}")
    before, taken = process.memory_info().rss, 0

    def large() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(50):
            yield b"x" * 1_000_000
            taken += 1_000_000

    headers = {"content-length": "50000000"}
    with httpx.Client(base_url=doors.gateway.sender.base_url, trust_env=False) as sender:
        try:
            status = sender.post("/hooks/github", content=large(), headers=headers).status_code
        except httpx.TransportError:
            status = 413  # the connection ended while there was more to come

    assert (status, taken < 16_000_000) == (413, True), "what is taken are both sockets' buffers"
    assert process.memory_info().rss - before < 20_000_000


def cost(doors: Doors, name: str, body: bytes) -> tuple[httpx.Response, float]:
    """Send it five times; returns the last answer and the gateway's CPU seconds for all."""
    process = psutil.Process(doors.gateway.process.pid)
    before = process.cpu_times()
    for _ in range(5):
        answer = doors.send(name, body)
    after = process.cpu_times()
    return answer, after.user + after.system - before.user - before.system


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"{" + b",".join(b'"k%d":0' % n for n in range(70_000)) + b"}",
        b'{"state":"open","id":' + b"9" * 1_000_000 + b"}",
        b'{"state":NaN}',
        b'{"state":"open","state":"closed"}',
        b'{"state":"\\ud800"}',
        b"\xff\xfe",
        b"",
    ],
    ids=["lists", "objects", "names", "number", "nan", "twice", "half", "bytes", "empty"],
)
def test_hostile_json_is_kept_and_costs_little(doors: Doors, body: bytes) -> None:
    """Its sender is authentic, so a person may look at it."""
    _, plain = cost(doors, "json", b"x" * 1_000_000)
    answer, hostile = cost(doors, "json", body)

    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    assert hostile < 10 * plain, "against a megabyte of plain text"


def test_a_million_names_cost_little(doors: Doors) -> None:
    """They are refused for their size, or for their number where the size would do."""
    names = [b'"%x":0' % n for n in range(1_000_000)]
    for count, status in ((1_000_000, 413), (800_000, 202)):
        body = b"{" + b",".join(names[:count]) + b"}"
        answer, hostile = cost(doors, "alertmanager", body)
        assert answer.status_code == status
    _, plain = cost(doors, "alertmanager", b"x" * len(body))

    assert answer.json()["status"] == "quarantined"
    assert hostile < 2 * plain, "no more than counting them is added to keeping as much text"


SLOW = 100


async def trickle(port: int, head: bytes) -> float:
    """Send a byte each half second until the connection ends; returns how long it lasted."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    try:
        while not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            try:
                async with asyncio.timeout(0.5):
                    await reader.read(1000)
                break  # an answer, or the end
            except TimeoutError:
                continue
    except OSError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


def test_slow_senders_are_cut_and_hold_up_nobody(doors: Doors) -> None:
    """Neither an endless head nor an endless body, of hundreds at once."""
    port = doors.gateway.sender.base_url.port or 0
    head = b"POST /hooks/github HTTP/1.1\r\nHost: x\r\n"
    whole = head + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    cut = list[float]()

    async def all_of_them() -> None:
        heads = [whole if n % 2 else head for n in range(SLOW)]
        cut.extend(await asyncio.gather(*(trickle(port, each) for each in heads)))

    slow = threading.Thread(target=asyncio.run, args=(all_of_them(),))
    slow.start()
    took = list[float]()
    while slow.is_alive():
        began = time.monotonic()
        assert doors.send("json", firing(int(began * 1e6), kind="json")).status_code == 202
        took.append(time.monotonic() - began)
        slow.join(0.02)

    assert max(took) < min(cut), "none of those who are quick waited for one who is slow"
    assert len(cut) == SLOW
    assert max(cut) < 2 * (HEAD_SECONDS + BODY_SECONDS)


def test_a_full_disk_means_again_later(doors: Doors) -> None:
    """PostgreSQL says so in its own words; what is repeated when there is room is one incident."""
    body, before = firing(301, kind="json"), doors.stored()
    with doors.engine.begin() as connection:
        connection.execute(sa.text(FULL))
    try:
        assert {doors.send("json", body).status_code for _ in range(3)} == {503}
    finally:
        with doors.engine.begin() as connection:
            connection.execute(sa.text("drop function full_disk() cascade"))
    (incident,) = doors.send("json", body).json()["incidents"]

    assert doors.stored() == before + 1
    with doors.engine.connect() as connection:
        rows = sa.select(sa.func.count()).where(dispatches.c.incident_id == incident)
        assert connection.scalar(rows) == 1


FULL = """
    create function full_disk() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
    create trigger full_disk before insert on deliveries execute function full_disk()
"""


def test_a_read_only_ledger_means_again_later(doors: Doors) -> None:
    """And what the sender repeats then is one incident."""
    admin = doors.engine.execution_options(isolation_level="AUTOCOMMIT")
    name = doors.engine.url.database
    body = firing(300, kind="json")
    cut = sa.text(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )

    def set_read_only(value: str) -> None:
        with admin.connect() as connection:
            connection.execute(
                sa.text(f"alter database {name} set default_transaction_read_only = {value}")
            )
            connection.execute(cut)

    set_read_only("on")
    try:
        answers = {doors.send("json", body).status_code for _ in range(3)}
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text("set default_transaction_read_only = off"))
        set_read_only("off")
    eventually(lambda: doors.send("json", body).status_code == 202)
    (incident,) = doors.send("json", body).json()["incidents"]

    assert answers == {503}
    with doors.engine.connect() as connection:
        rows = sa.select(sa.func.count()).where(dispatches.c.incident_id == incident)
        assert connection.scalar(rows) == 1
