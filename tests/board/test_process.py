"""The board as a process: what it says, how it ends, and what it does while Prefect is away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import changes, switches
from cct_ops.models.role import Role
from cct_ops.settings import Settings
from tests.board.conftest import Person, new_link, weakened
from tests.plain import NO_TLS

COMMAND = [sys.executable, "-m", "cct_ops.board"]


@contextmanager
def running(**variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run it on a port that the system chooses, and read its address from what it says."""
    env = os.environ | {"CCT_OPS_BOARD_PORT": "0"} | variables
    with subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix("board: ").strip()
        finally:
            process.kill()


def test_it_does_what_it_can_while_prefect_is_away_and_ends_when_it_is_told(
    board_settings: Settings, engine: sa.Engine
) -> None:
    """The kill switch works, a change cannot be ended and says why; open pages hold up no end."""
    change = weakened(engine)
    with (
        running() as (process, address),
        httpx.Client(base_url=address, timeout=60, trust_env=False, verify=NO_TLS) as http,
    ):
        person = Person(http, address)
        person.enter(new_link(engine, Role.RESPONDER))

        assert person.send("/switches/stop", reason="what is going on?").status_code == 303
        ended = person.send(f"/changes/{change.id}/end")

        stopped = switches.last(engine)
        assert stopped is not None
        assert stopped.stopped
        assert ended.status_code == 503
        assert "Prefect" in ended.text
        assert changes.read(engine, change.id).open

        listening = threading.Event()

        def look() -> None:
            with suppress(httpx.HTTPError), http.stream("GET", "/events?page=/now") as answer:
                for _ in answer.iter_lines():
                    listening.set()

        thread = threading.Thread(target=look)
        thread.start()
        assert listening.wait(20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
        thread.join(10)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CCT_OPS_BOARD_HOST": "0.0.0.0"}, "set CCT_OPS_BOARD_URL to its https"),  # noqa: S104
        ({"CCT_OPS_DATABASE_URL": ""}, "There is no ledger"),
        ({"CCT_OPS_BOARD_PATH": "/nowhere/board.yaml"}, "/nowhere/board.yaml: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    board_settings: Settings, variables: dict[str, str], words: str
) -> None:
    failed = subprocess.run(
        COMMAND, env=os.environ | variables, check=False, capture_output=True, text=True
    )

    assert failed.returncode == 1
    assert words in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_port_that_is_taken_is_named(board_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        failed = subprocess.run(
            COMMAND,
            env=os.environ | {"CCT_OPS_BOARD_PORT": port},
            check=False,
            capture_output=True,
            text=True,
        )

    assert failed.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in failed.stderr
    assert "CCT_OPS_BOARD_PORT" in failed.stderr


def test_idle_it_has_nothing_in_memory_that_only_others_need() -> None:
    loaded = """
import sys, cct_ops.board.__main__
others = {"alembic", "authlib", "fastapi", "httpx", "opentelemetry", "pandas", "prefect"}
print(sorted(others & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", loaded], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"
