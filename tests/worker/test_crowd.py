"""Many runs at once: fair start, the first task of every run comes first."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import prefect.task_engine
import pytest
from prefect import flow, task
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.worker import admission, prefect_patches
from cct_ops.worker.admission import STARTS_AT_ONCE, Admission
from cct_ops.worker.forks import Child
from cct_ops.worker.protocol import BEGUN, CLAIMED, GO_ON, HOLD
from cct_ops.worker.start_barrier import StartBarrier

LIMIT = 0.05
PATIENCE = 10.0


class Started:
    """A run's process: the worker's side, and its own."""

    def __init__(self) -> None:
        ours, self._line = socket.socketpair()
        self._line.settimeout(PATIENCE)
        self.child = Child(ours)

    def begin(self) -> None:
        """Say that the run is Running."""
        prefect_patches.report(self._line, BEGUN)

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
        finally:
            self._line.settimeout(PATIENCE)

    def end(self) -> None:
        """Close both sides."""
        self.child.let_go()
        self._line.close()


async def _start(turns: Admission, process: Started) -> None:
    async with turns.start():
        await turns.begun(process.child)


@dataclass
class Server:
    """Answers at once, or not at all; ``asked`` counts the questions."""

    answers: bool = True
    asked: int = 0

    async def ask(self) -> None:
        """Take a question."""
        self.asked += 1
        if not self.answers:
            raise httpx.ConnectError("nobody is there")

    async def was_asked(self) -> None:
        """Wait for the next question."""
        asked = self.asked
        while self.asked == asked:  # noqa: ASYNC110 -- whoever asks must know of nobody
            await asyncio.sleep(LIMIT)


class Crowd:
    """More runs than may start at once, of which all but two begin, and one after them."""

    def __init__(self, server: Server) -> None:
        taken = Admission(server.ask)
        self.processes = [Started() for _ in range(STARTS_AT_ONCE + 2)]
        first, *_, self.held, self._last = self.processes
        self._starts = [asyncio.create_task(_start(taken, each)) for each in self.processes]
        first.begin()

    async def all_begin(self) -> None:
        """Let nobody wait any more."""
        for each in self.processes[1:]:
            each.begin()
        await asyncio.gather(*self._starts)

    async def heard(self, word: str) -> bool:
        """Whether this is what the held one hears next."""
        return await asyncio.to_thread(self.held.heard, word)

    @property
    def the_last_is_free(self) -> bool:
        """Whether the one behind which nobody waits was asked for nothing."""
        return self._last.heard_nothing()

    def end(self) -> None:
        """End all."""
        for each in self.processes:
            each.end()


def test_who_has_started_is_held_until_all_have_and_goes_on_after_that() -> None:
    async def watched() -> list[bool]:
        crowd = Crowd(Server())
        held = await crowd.heard(HOLD)
        silent = crowd.held.heard_nothing()
        await crowd.all_begin()
        outcome = [held, silent, await crowd.heard(GO_ON), crowd.the_last_is_free]
        crowd.end()
        return outcome

    assert asyncio.run(asyncio.wait_for(watched(), 30)) == [True] * 4


def test_nobody_goes_on_before_the_server_has_time_for_it() -> None:
    async def watched() -> list[bool]:
        server = Server(answers=False)
        crowd = Crowd(server)
        held = await crowd.heard(HOLD)
        await crowd.all_begin()
        await server.was_asked()
        await server.was_asked()
        silent = crowd.held.heard_nothing()
        server.answers = True
        outcome = [held, silent, await crowd.heard(GO_ON)]
        crowd.end()
        return outcome

    assert asyncio.run(asyncio.wait_for(watched(), 30)) == [True] * 3


def test_who_was_held_for_long_goes_on_although_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "HELD_SECONDS", LIMIT)

    async def watched() -> list[bool]:
        crowd = Crowd(Server())
        outcome = [await crowd.heard(HOLD), await crowd.heard(GO_ON)]
        await crowd.all_begin()
        crowd.end()
        return outcome

    assert asyncio.run(asyncio.wait_for(watched(), 30)) == [True] * 2


def test_no_more_are_held_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "HELD_AT_MOST", 0)

    async def watched() -> bool:
        crowd = Crowd(Server())
        await crowd.all_begin()
        silent = crowd.held.heard_nothing()
        crowd.end()
        return silent

    assert asyncio.run(asyncio.wait_for(watched(), 30))


def test_a_run_that_is_alone_is_asked_for_nothing() -> None:
    async def alone() -> bool:
        process = Started()
        process.begin()
        await _start(Admission(Server().ask), process)
        silent = process.heard_nothing()
        process.end()
        return silent

    assert asyncio.run(asyncio.wait_for(alone(), 30))


def test_a_held_run_waits_for_the_word_and_for_no_other() -> None:
    barrier = StartBarrier(hold_seconds=60)
    waiting = threading.Thread(target=barrier.hold, daemon=True)
    assert barrier.receive(HOLD)
    waiting.start()

    assert not barrier.receive('{"type": "PAUSED"}')
    waiting.join(LIMIT)
    assert waiting.is_alive()

    assert barrier.receive(GO_ON)
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_held_run_goes_on_by_itself() -> None:
    barrier = StartBarrier(hold_seconds=LIMIT)
    barrier.receive(HOLD)
    waiting = threading.Thread(target=barrier.hold, daemon=True)
    waiting.start()

    waiting.join(30)
    assert not waiting.is_alive()


def test_a_run_whose_worker_dies_is_held_no_longer(prefect_api_url: str) -> None:
    barrier, run_id = StartBarrier(hold_seconds=60), uuid4()
    barrier.receive(CLAIMED)
    waiting = threading.Thread(target=barrier.hold, daemon=True)
    ours, theirs = socket.socketpair()
    observed = prefect_patches.Suspension(run_id, theirs, barrier)(run_id, None)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}), theirs, observed:
        barrier.receive(HOLD)
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
    prefect_patches.before_more_tasks(lambda: paused.append(len(began)))
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
    prefect_patches.share_authorities()
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
