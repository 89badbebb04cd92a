"""Many runs at once: who steps back for whom, and how the worker hears of it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import prefect.task_engine
import pytest
from prefect import flow, task
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.worker import spared
from cct_ops.worker.forks import Child
from cct_ops.worker.order import BEGUN, LOOKED

_TWO_THREADS = """
import sys, threading
threading.Thread(target=sys.stdin.read).start()
print("ready", flush=True)
"""


def test_a_process_steps_back_with_all_its_threads() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TWO_THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        asyncio.run(_step_back(process.pid))
        threads = [int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir()]

        assert len(threads) == 2
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {19}
        process.communicate()


def test_who_has_ended_has_nothing_to_step_back_from() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert asyncio.run(_step_back(process.pid)).looked.is_set()


async def _step_back(pid: int) -> Child:
    ours, theirs = socket.socketpair()
    with theirs:
        child = Child(ours)
        child.pid = pid
        child.step_back()
        child.let_go()
    return child


def test_the_worker_hears_of_the_start_and_of_the_first_look() -> None:
    async def hear() -> list[bool]:
        ours, theirs = socket.socketpair()
        child = Child(ours)
        with theirs:
            spared.say(theirs, BEGUN)
            await child.begun.wait()
            heard = [child.looked.is_set()]
            spared.say(theirs, LOOKED)
            await child.looked.wait()
            child.let_go()
        return [*heard, child.looked.is_set()]

    assert asyncio.run(asyncio.wait_for(hear(), 10)) == [False, True]


def test_the_end_of_a_runs_first_task_is_told_once(
    prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    done: list[int] = []

    @task
    def step(number: int) -> None:
        done.append(number)

    @flow
    def two_steps() -> None:
        for number in range(2):
            step(number)

    engine: Any = prefect.task_engine
    emit = engine.emit_task_run_state_change_event
    monkeypatch.setattr(engine, "emit_task_run_state_change_event", emit)  # put back afterwards
    spared.tell_first_task(ended=lambda: told.append(len(done)))
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        two_steps()

    assert told == [1]


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
