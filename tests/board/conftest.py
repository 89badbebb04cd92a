"""The board, served on this test's ledger, and people who are signed in on it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from pydantic import SecretStr

from cct_ops.board.app import create_app
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.board.stream import Stream
from cct_ops.ledger.gate import changes
from cct_ops.ledger.people import sign_ins
from cct_ops.models.change import TemporaryChange
from cct_ops.models.plan import Call, Step
from cct_ops.models.role import Role
from cct_ops.settings import Settings
from tests.chromium import browser
from tests.conftest import ROOT
from tests.ledger.history import a_run, permitted
from tests.plain import NO_TLS
from tests.plans import plan_of

__all__ = ["browser"]  # a fixture


@pytest.fixture
def board_settings(
    monkeypatch: pytest.MonkeyPatch, ledger_url: SecretStr, prefect_is_away: None
) -> Settings:
    """What a board finds in its environment: the files of this project, this ledger, a sandbox."""
    for name in ("CCT_URL", "CCT_OPS_SANDBOX_URL"):  # so that each page is there
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    for name in ("policy", "contacts", "approvers"):
        monkeypatch.setenv(
            f"CCT_OPS_{name.upper()}_PATH", str(ROOT / "deployments" / f"{name}.yaml")
        )
    return Settings.load()


@pytest.fixture
def prefect_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers where Prefect should be."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


@pytest.fixture
def board(engine: sa.Engine, board_settings: Settings) -> Board:
    """What its pages work on."""
    return Board(engine, board_settings)


@pytest.fixture
def address(board: Board) -> Iterator[str]:
    """Where it is served."""
    with served(board) as url:
        yield url


@contextmanager
def served(board: Board) -> Iterator[str]:
    """Serve a board from a thread, on a port that the system chooses."""
    stream = Stream(board)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(board, Site("http", url.removeprefix("http://")), stream)
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            stream.close()
            server.should_exit = True
            thread.join(20)


@dataclass(frozen=True)
class Person:
    """Somebody with a browser that says of itself what browsers do."""

    http: httpx.Client
    address: str

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Look at a page."""
        return self.http.get(path, headers=headers)

    def enter(self, path: str) -> httpx.Response:
        """Press the button of a link."""
        return self.http.post(path, headers={"Origin": self.address})

    def token(self, path: str = "/now") -> str:
        """Return the token that this person's forms carry."""
        found = re.search(r'name="form_token" value="(\w+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of the board's own pages."""
        form = {"form_token": self.token(), **fields}
        return self.http.post(path, data=form, headers={"Origin": self.address})

    @property
    def cookie(self) -> str | None:
        """The session, as the browser carries it."""
        return self.http.cookies.get("cct-ops-board")


@pytest.fixture
def stranger(address: str) -> Iterator[Person]:
    """Somebody who is not signed in."""
    with httpx.Client(base_url=address, timeout=20, trust_env=False, verify=NO_TLS) as http:
        yield Person(http, address)


SignedIn = Callable[..., Person]


@pytest.fixture
def signed_in(address: str, engine: sa.Engine) -> Iterator[SignedIn]:
    """Make somebody who has come in by a link."""
    clients: list[httpx.Client] = []

    def make(role: Role = Role.ADMIN, name: str = "Anna Ito") -> Person:
        http = httpx.Client(base_url=address, timeout=20, trust_env=False, verify=NO_TLS)
        clients.append(http)
        person = Person(http, address)
        assert person.enter(new_link(engine, role, name)).status_code == 303
        return person

    yield make
    for http in clients:
        http.close()


def new_link(engine: sa.Engine, role: Role = Role.ADMIN, name: str = "Anna Ito") -> str:
    """Return the path of a new link."""
    return f"/links/{sign_ins.make_link(engine, name, role, 'root')}"


def weakened(engine: sa.Engine) -> TemporaryChange:
    """Let a run have weakened something for a while."""
    step = Step(
        call=Call(method="bypass_schema_validation", arguments={"mode": "warn"}),
        undo=Call(method="restore_schema_validation", arguments={"mode": "strict"}),
        lasts_minutes=45,
    )
    wanted = plan_of(step, playbook="schema-validation", target="SCHEMA_VALIDATION_MODE")
    permit = permitted(engine, a_run("schema-validation"), wanted)
    reason = "A release was held up by a summary that is right"
    with engine.begin() as tx:
        return changes.schedule(tx, permit, step, before="strict", owner="Chen Wei", reason=reason)
