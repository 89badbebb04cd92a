"""A board whose file names a provider, and the way there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board.page import Board
from cct_ops.settings import Settings
from tests.board.oidc.providers import CLIENT, SECRET, Liar, follow, lying, query, real_provider
from tests.plain import NO_TLS

PEOPLE = """
  role_claim: groups
  roles: {viewer: [staff], responder: [on-call], admin: [ops.admins]}
  people:
    - {account: s-lead, name: Incident lead, role: approver}
    - {account: s-anna, name: Anna Ito}
"""


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    """A provider that others wrote."""
    with real_provider() as issuer:
        yield issuer


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A provider that says what a test wants."""
    with lying() as made:
        yield made


@dataclass(frozen=True)
class Places:
    """Where the file of the board is, and the secret that it refers to."""

    path: Path

    def write(self, issuer: str, people: str = PEOPLE) -> None:
        """Write the file for this provider."""
        secret = self.path.with_name("secret")
        secret.write_text(f"{SECRET}\n")
        self.path.write_text(
            f"sign_in:\n  issuer: {issuer}\n  client_id: {CLIENT}\n"
            f"  client_secret: {{file: {secret}}}{people}"
        )


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Places:
    """A file of the board of this test's own, which is not there yet."""
    path = tmp_path / "board.yaml"
    monkeypatch.setenv("CCT_OPS_BOARD_PATH", str(path))
    return Places(path)


@pytest.fixture
def board(places: Places, engine: sa.Engine, board_settings: Settings) -> Board:
    """The board, which finds this file."""
    return Board(engine, board_settings)


def new_browser(address: str) -> httpx.Client:
    """Return somebody else's browser."""
    return httpx.Client(base_url=address, timeout=30, trust_env=False, verify=NO_TLS)


def begin(http: httpx.Client, back: str = "/now") -> str:
    """Press the button of the page for strangers; return the provider's page."""
    answer = http.get("/sign-in/oidc", params={"back": back})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_back(http: httpx.Client, liar: Liar, **differing: str) -> httpx.Response:
    """Begin, and come back with a code, as the liar's people do."""
    sent = query(begin(http))
    liar.nonce = sent["nonce"]
    asked = {"code": "c", "state": sent["state"], **differing}
    return follow(http, str(httpx.URL("/sign-in/oidc/back", params=asked)))
