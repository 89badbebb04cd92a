"""The parts that the client tests are built from: a scripted wire, a pacer and a checker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from cct_ops.clients.pacing import Answer
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted, OpsError
from cct_ops.models.cct import Route
from cct_ops.models.plan import Call, Permit, PermitKind

KEY = SecretStr("key-0123456789-never-shown")
ROUTE = Route.PRE_MARKET_BRIEFING


@dataclass
class Wire:
    """Answers every request alike, at the only seam there is, and remembers what it was asked."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: type[httpx.TransportError] | None = None
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        if self.failure is not None:
            raise self.failure("the wire says so")
        return httpx.Response(self.status, content=self.content, headers=dict(self.headers))


@dataclass
class RecordingPacer:
    """Lets everything pass and remembers what it was asked."""

    slots: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    back_offs: list[float] = field(default_factory=list)

    @contextmanager
    def write_slot(self) -> Iterator[None]:
        """Record that a change leaves."""
        self.slots.append("write")
        yield

    def read(self, key: str, send: Callable[[], Answer]) -> Answer:
        """Record that a read leaves, and its name."""
        self.slots.append("read")
        self.keys.append(key)
        return send()

    def back_off(self, seconds: float) -> None:
        """Record the silence that was asked for."""
        self.back_offs.append(seconds)


@dataclass
class RecordingChecker:
    """Permits everything, or refuses everything, and remembers each call and how it ended."""

    refuses: bool = False
    journal: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def check(self, permit: Permit, call: Call) -> Iterator[None]:
        """Journal the intent before the write, and that it was sent after it."""
        if self.refuses:
            raise NotPermitted(f"Permit {permit.id} does not hold.")
        self.journal.append(("intended", str(call)))
        yield
        self.journal.append(("sent", str(call)))


def cct(
    wire: Callable[[httpx.Request], httpx.Response], pacer: RecordingPacer | None = None
) -> CctTransport:
    """A transport whose wire is scripted."""
    return CctTransport(
        "http://cct.test", KEY, pacer or RecordingPacer(), transport=httpx.MockTransport(wire)
    )


def failure(
    wire: Wire, path: str = "canary/status", pacer: RecordingPacer | None = None
) -> OpsError:
    """Read once, and return the error after checking what holds for every error."""
    with cct(wire, pacer) as transport, pytest.raises(OpsError) as caught:
        transport.read(path)

    message = str(caught.value)
    assert len(wire.requests) == 1
    assert f"GET /api/v1/{path}" in message
    assert message.endswith(".")
    assert KEY.get_secret_value() not in message
    assert message.isprintable()
    return caught.value


def once(data: object) -> bytes:
    """The envelope, nested once, as the SLO handlers answer."""
    return json.dumps({"success": True, "data": data, "timestamp": "2025-11-24T09:00:00Z"}).encode()


def twice(data: object) -> bytes:
    """The envelope, nested twice, as the canary handlers answer."""
    stamp = "2025-11-24T09:00:00Z"
    return once({"service": "canary-management", "timestamp": stamp, "data": data})


def refusal(error: object, code: str | None = None, **more: object) -> bytes:
    """The body of an error; ``error`` is a sentence, or the admin limiter's object."""
    body: dict[str, Any] = {"success": False, "error": error, **more}
    return json.dumps(body if code is None else {**body, "error_code": code}).encode()


def permit(*calls: Call) -> Permit:
    """A permit that nobody granted: whether it holds is the checker's business."""
    return Permit(
        id=UUID(int=1),
        kind=PermitKind.CHANGE,
        run_id=UUID(int=2),
        plan_digest="0" * 64,
        target=ROUTE,
        fencing_token=1,
        calls=calls,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )
