"""Real servers: one that answers as it is told, and the sandbox, which behaves like CCT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.sandbox.control import SandboxControl
from tests.clients.parts import RecordingPacer
from tests.conftest import API_KEY
from tests.controller.wire import Answer, Request, wire


@dataclass
class Server:
    """What the server answers to everything, and what it was sent."""

    url: str = ""
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    silent: bool = False
    requests: list[tuple[str, str, Any]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port of this machine."""
    given = Server()

    def behave(request: Request) -> Answer | None:
        given.requests.append((request.method, request.path, json.loads(request.body or b"null")))
        if given.silent:
            running.hang(request)
        gone = given.silent or given.hangs_up
        return None if gone else Answer(given.status, given.body, given.headers)

    with wire(behave) as running:
        given.url = running.url
        yield given


@pytest.fixture
def sandbox(sandbox_process: SandboxControl) -> SandboxControl:
    """The sandbox, pristine."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def pacer() -> RecordingPacer:
    """What the transport asked of its pacer."""
    return RecordingPacer()


@pytest.fixture
def transport(sandbox: SandboxControl, pacer: RecordingPacer) -> Iterator[CctTransport]:
    """A transport to the sandbox, with a good key."""
    with CctTransport(sandbox.base_url, SecretStr(API_KEY), pacer) as connected:
        yield connected


@pytest.fixture
def reader(transport: CctTransport) -> CctReader:
    """A reader of the sandbox."""
    return CctReader(transport)
