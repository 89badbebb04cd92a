"""Programs with a token, on the board that is served on this test's ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.ledger.people import api_tokens
from cct_ops.models.role import Role
from tests.plain import NO_TLS

PATH = "/api/v1"


@dataclass(frozen=True)
class Program:
    """One program with its token."""

    http: httpx.Client
    token: str

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Read something."""
        return self.http.get(
            f"{PATH}{path}", headers={"Authorization": f"Bearer {self.token}"} | headers
        )

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """Have something done."""
        given = {"Authorization": f"Bearer {self.token}"}
        given |= {"Idempotency-Key": key} if key else {}
        return self.http.post(f"{PATH}{path}", json=body, headers=given)


Programs = Callable[..., Program]


@pytest.fixture
def program(address: str, engine: sa.Engine) -> Iterator[Programs]:
    """Make a program of a role."""
    clients: list[httpx.Client] = []

    def make(role: Role = Role.ADMIN, name: str = "chatops") -> Program:
        http = httpx.Client(base_url=address, timeout=20, trust_env=False, verify=NO_TLS)
        clients.append(http)
        return Program(http, new_token(engine, role, name))

    yield make
    for http in clients:
        http.close()


def new_token(engine: sa.Engine, role: Role = Role.ADMIN, name: str = "chatops") -> str:
    """Return a new token."""
    return api_tokens.make(engine, name, role, days=1, made_by="root")[1]
