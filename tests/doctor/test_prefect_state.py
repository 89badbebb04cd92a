"""The doctor asks Prefect's servers themselves what they share, and whether Redis is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, Settings as PrefectSettings, temporary_settings
from redis import Redis

from cct_ops.doctor import prefect_state
from cct_ops.doctor.check import Result, Sign
from cct_ops.settings import Settings
from cct_ops.stack.host_part import host_part
from cct_ops.stack.postgres import free_port
from tests.doctor.conftest import Doctor
from tests.stack.redis_server import RedisServer
from tests.stack.test_host_part import SERVERS


@pytest.fixture
def servers() -> Iterator[tuple[list[Any], SyncPrefectClient]]:
    """Servers behind one address that answer in turn with these settings, and a client of it."""
    known: list[Any] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.append(known.pop(0))
            body = json.dumps(known[-1]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    proxy = HTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=proxy.serve_forever, daemon=True).start()
    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{proxy.server_port}/api"}),
        get_client(sync_client=True) as client,
    ):
        yield known, client
    proxy.shutdown()
    proxy.server_close()


def told(**env: str) -> Any:
    """Return the settings of a server that was started with these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        return PrefectSettings().model_dump(mode="json")


def shared() -> Any:
    """Return those of a server as a host starts it."""
    return told(**host_part("prefect-api", SERVERS).env)


def seen(client: SyncPrefectClient) -> list[Result]:
    """Look, by our settings as they are in the environment."""
    return list(prefect_state.look(client, Settings.load()))


def test_a_single_server_may_keep_it_all_in_memory(
    servers: tuple[list[Any], SyncPrefectClient],
) -> None:
    servers[0].append(told())

    (found,) = seen(servers[1])

    assert (found.part, found.sign) == ("shared", Sign.WELL)


def test_servers_that_share_all_of_it_are_well(
    servers: tuple[list[Any], SyncPrefectClient],
) -> None:
    servers[0].extend([shared(), shared()])

    assert seen(servers[1]) == []


@pytest.mark.parametrize("place", prefect_state.PLACES, ids=lambda place: place.what)
def test_each_thing_that_servers_do_not_share_is_named_with_its_price(
    servers: tuple[list[Any], SyncPrefectClient], place: prefect_state.Place
) -> None:
    """As all of them were set, and as only one of them was."""
    settings = shared()
    inner = settings
    for name in place.path[:-1]:
        inner = inner[name]
    inner[place.path[-1]] = "memory://" if place.path[-1] == "url" else "prefect.some.memory"
    servers[0].append(settings)

    (found,) = seen(servers[1])
    assert found.sign is Sign.LIMITED
    assert place.what in found.seen
    assert place.price in found.seen

    servers[0].append(shared())
    (found,) = seen(servers[1])
    assert found.sign is Sign.BROKEN
    assert "do not agree" in found.seen


def test_a_server_in_memory_is_shown_where_a_redis_was_meant(
    doctor: Doctor, prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server that nobody set up for several, and a Redis that is not there."""
    monkeypatch.setenv("CCT_OPS_REDIS_URL", f"redis://:a-secret@127.0.0.1:{free_port()}/0")

    code, lines = doctor(prefect_api_url=prefect_api_url)

    assert code == 1
    assert lines["shared"][0] == "!"
    assert lines["redis"][0] == "✗"
    assert "a-secret" not in "".join(lines.values())


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_redis_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> Sign:
        return prefect_state.redis(Settings.load()).sign

    with closing(RedisServer(tmp_path)) as server:
        monkeypatch.setenv("CCT_OPS_REDIS_URL", server.url)
        assert state() is Sign.BROKEN
        server.start()
        assert state() is Sign.WELL
        with closing(Redis.from_url(server.url)) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        assert state() is Sign.LIMITED
    monkeypatch.setenv("CCT_OPS_REDIS_URL", "redis.example:6379")
    assert state() is Sign.BROKEN
