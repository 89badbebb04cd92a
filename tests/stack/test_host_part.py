"""A part alone on a host: what it needs is asked for by name, and nothing else is assumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import get_args

import pytest
from docket import Docket
from prefect.server.api import background_workers, server
from prefect.settings import Settings
from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
from prefect_redis.client import RedisMessagingSettings

from cct_ops.commands.upkeep import start
from cct_ops.errors import BadConfiguration
from cct_ops.stack import shared_state
from cct_ops.stack.host_part import host_part
from cct_ops.stack.part_names import PartName
from cct_ops.stack.prefect_server import connect_with_password

SECRET = "the-password-of-redis"
SERVERS = {
    "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://prefect:x@/prefect?host=a&host=b",
    "PREFECT_SERVER_API_AUTH_STRING": "prefect:secret",
    "CCT_OPS_REDIS_URL": f"redis://:{SECRET}@redis:6379/0",
}


@pytest.mark.parametrize("part", ["prefect-api", "prefect-services"])
@pytest.mark.parametrize("missing", sorted(SERVERS))
def test_a_server_is_not_started_without_what_it_shares_with_others(
    part: PartName, missing: str
) -> None:
    """In memory, on a file or without a password it would look as if it worked."""
    given = {name: value for name, value in SERVERS.items() if name != missing}

    with pytest.raises(BadConfiguration, match=missing):
        host_part(part, given)


@pytest.mark.parametrize("part", ["controller", "board", "worker"])
def test_who_asks_prefect_must_know_where(part: PartName) -> None:
    with pytest.raises(BadConfiguration, match="PREFECT_API_URL is not set"):
        host_part(part, {})


def test_all_that_prefect_keeps_in_memory_is_in_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own settings say so, and a further place in memory in them would be found here."""
    env = host_part("prefect-services", SERVERS).env
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    told = Settings().server.model_dump_json()

    assert "memory" not in told.replace("memory_block", "")
    assert told.count("prefect_redis") == len(shared_state.IN_REDIS)


def test_whatever_of_prefects_asks_redis_asks_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of clean-ups has an address of its own, by default on the server's own host."""
    for name, value in host_part("prefect-services", SERVERS).env.items():
        monkeypatch.setenv(name, value)

    asked = RedisMessagingSettings().url, RedisWorkerCleanupQueueSettings().url

    assert set(asked) == {SERVERS["CCT_OPS_REDIS_URL"]}


@pytest.mark.parametrize("name", [*shared_state.IN_REDIS, shared_state.DOCKET])
def test_prefects_own_variable_goes_first_and_memory_is_refused(name: str) -> None:
    memory = "memory://" if name == shared_state.DOCKET else "prefect.server.some.memory"

    with pytest.raises(BadConfiguration, match=name):
        host_part("prefect-api", {**SERVERS, name: memory})
    assert host_part("prefect-api", {**SERVERS, name: "mine"}).env[name] == "mine"


def test_whoever_reads_prefects_settings_does_not_learn_the_password_of_redis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its API shows them to everybody whom it lets in, the docket's address among them."""
    for name, value in host_part("prefect-api", SERVERS).env.items():
        monkeypatch.setenv(name, value)
    for module, name in ((server, "Docket"), (background_workers, "Worker")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr("docket.Docket", Docket)

    connect_with_password(SERVERS["CCT_OPS_REDIS_URL"])

    assert SECRET not in json.dumps(Settings().model_dump(mode="json"))
    shown = Settings().server.docket.url
    assert vars(server)["Docket"](name="some", url=shown).url == SERVERS["CCT_OPS_REDIS_URL"]


def test_each_store_in_redis_knows_the_address() -> None:
    """The queue of clean-ups would else look for one on its own machine."""
    env = host_part("prefect-services", SERVERS).env

    for name in ("PREFECT_REDIS_MESSAGING_URL", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL"):
        assert env[name] == SERVERS["CCT_OPS_REDIS_URL"]


def test_two_workers_have_two_names() -> None:
    """Prefect takes workers of one name for one, and would show it alive when one has died."""
    started = host_part("worker", {"PREFECT_API_URL": "http://proxy/api"})

    name = started.argv[started.argv.index("--name") + 1]

    assert name.startswith("cct-ops-")
    assert len(name) > len("cct-ops-")


@pytest.mark.parametrize("part", get_args(PartName))
def test_start_is_refused_in_one_sentence(part: str) -> None:
    ended = _start(part, {})

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stderr


def _start(part: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cct_ops.cli import main; main()", "start", part]
    return subprocess.run(
        command, env={**env}, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )


def test_a_part_that_a_script_starts_in_the_background_can_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It begins with SIGINT ignored, by which a worker and Prefect's services end."""
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect/api")
    seen: list[object] = []
    monkeypatch.setattr(os, "execve", lambda *_: seen.append(signal.getsignal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        start("worker")
    finally:
        signal.signal(signal.SIGINT, before)

    assert seen == [signal.SIG_DFL]
