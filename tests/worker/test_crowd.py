"""Many runs at once: everybody's first look comes before the rest."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from typing import Any
from uuid import uuid4

import prefect.task_engine
import pytest
from prefect import flow, task
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.worker import spared
from cct_ops.worker.forks import Child
from cct_ops.worker.order import BEGUN
from cct_ops.worker.turns import GO_ON, HOLD, STARTS_AT_ONCE, Hold, Turns

LIMIT = 0.05


class Started:
    """A run's process: the worker's side, and its own."""

    def __init__(self) -> None:
        ours, self._line = socket.socketpair()
        self._line.settimeout(10)
        self.child = Child(ours)

    def begin(self) -> None:
        """Say that the run is Running."""
        spared.say(self._line, BEGUN)

    def heard(self, word: str) -> bool:
        """Whether this word comes next."""
        line = f"{word}\n".encode()
        return self._line.recv(len(line), socket.MSG_WAITALL) == line

    def heard_nothing(self) -> bool:
        """Whether no word has come."""
        self._line.setblocking(False)
        try:
            return not self._line.recv(1)
        except BlockingIOError:
            return True

    def end(self) -> None:
        """Close both sides."""
        self.child.let_go()
        self._line.close()


async def _start(turns: Turns, process: Started) -> None:
    async with turns.start():
        await turns.begun(process.child)


def test_who_has_started_is_held_until_all_have_and_goes_on_after_that() -> None:
    async def crowd() -> list[bool]:
        turns, processes = Turns(), [Started() for _ in range(STARTS_AT_ONCE + 2)]
        starts = [asyncio.create_task(_start(turns, each)) for each in processes]
        await asyncio.sleep(0)  # the last two wait for their turn now
        first, *others, next_to_last, last = processes
        first.begin()
        held = await asyncio.to_thread(next_to_last.heard, HOLD)
        for each in (*others, next_to_last, last):
            each.begin()
        await asyncio.gather(*starts)
        freed = await asyncio.to_thread(next_to_last.heard, GO_ON)
        unheld = last.heard_nothing()
        for each in processes:
            each.end()
        return [held, freed, unheld]

    assert asyncio.run(asyncio.wait_for(crowd(), 30)) == [True, True, True]


def test_a_run_that_is_alone_is_asked_for_nothing() -> None:
    async def alone() -> bool:
        process = Started()
        process.begin()
        await _start(Turns(), process)
        silent = process.heard_nothing()
        process.end()
        return silent

    assert asyncio.run(asyncio.wait_for(alone(), 30))


def test_a_held_run_waits_for_the_word_and_for_no_other() -> None:
    hold = Hold(seconds=60)
    waiting = threading.Thread(target=hold.wait, daemon=True)
    assert hold.hear(HOLD)
    waiting.start()

    assert not hold.hear('{"type": "PAUSED"}')
    waiting.join(LIMIT)
    assert waiting.is_alive()

    assert hold.hear(GO_ON)
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_held_run_goes_on_by_itself() -> None:
    hold = Hold(seconds=LIMIT)
    hold.hear(HOLD)
    waiting = threading.Thread(target=hold.wait, daemon=True)
    waiting.start()

    waiting.join(30)
    assert not waiting.is_alive()


def test_a_run_whose_worker_dies_is_held_no_longer(prefect_api_url: str) -> None:
    hold, run_id = Hold(seconds=60), uuid4()
    waiting = threading.Thread(target=hold.wait, daemon=True)
    ours, theirs = socket.socketpair()
    observed = spared.Suspension(run_id, theirs, hold)(run_id, None)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}), theirs, observed:
        hold.hear(HOLD)
        waiting.start()
        ours.close()
        waiting.join(30)

    assert not waiting.is_alive()


def test_a_run_gets_no_further_than_its_first_task(
    prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []
    paused: list[int] = []

    @task
    def step(number: int) -> None:
        began.append(number)

    @flow
    def two_steps() -> None:
        for number in range(2):
            step(number)

    engine: Any = prefect.task_engine
    emit = engine.emit_task_run_state_change_event
    monkeypatch.setattr(engine, "emit_task_run_state_change_event", emit)  # put back afterwards
    spared.before_more_tasks(lambda: paused.append(len(began)))
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        two_steps()

    assert paused[0] == 1  # the first had begun, and ended, before anything was held
    assert paused[1:] == [1, 1, 2]  # Pending, Running and the end of the second


def test_prefects_clients_load_no_authorities_of_their_own(
    prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless Prefect's settings name others."""
    for kind in (PrefectClient, SyncPrefectClient):
        monkeypatch.setattr(kind, "__init__", kind.__init__)
    spared.share_authorities()
    loads: list[object] = []
    load = ssl.create_default_context

    def counted(**more: Any) -> ssl.SSLContext:
        loads.append(more)
        return load(**more)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        get_client()
        get_client(sync_client=True)

    assert loads == []
