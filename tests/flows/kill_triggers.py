"""
What kills a process at a step boundary, set up in the process that is to die.

A boundary is a ledger statement, once its transaction is committed, or a request, when it is on
its way or answered, be it to the systems outside or to Prefect about another run. The process sends
itself the signal there, whatever it was doing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.request import OpenerDirector

import httpx
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import Pool

INTENDED, CONFIRMED = "INSERT INTO actions", "UPDATE actions"
CHANGES = "UPDATE temporary_changes"
# What the sandbox applies and never answers.
UNHEARD = "X-Never-Answered"


class On(StrEnum):
    """What fires a trigger."""

    STATEMENT = "statement"
    ANSWER = "an answered write"
    SILENCE = "a write whose answer never comes"
    LOOK = "the first answer after a confirmation"
    NOTICE = "an answered message"
    ORDER = "an answered order to Prefect"


@dataclass(frozen=True)
class Trigger:
    """
    Where to kill it: at the ``nth`` of these; an order's ``statement`` is how its path ends.

    With ``cancelled`` the run is cancelled while it looks, once so many calls are confirmed. With
    ``finalizing`` the signal comes while an object is finalized, where an exception is lost.
    """

    on: On = On.STATEMENT
    statement: str = ""
    nth: int = 1
    cancelled: int = 0
    finalizing: bool = False


class _Finalized:
    """Sends a signal to its own process while it is finalized."""

    def __init__(self, sign: int) -> None:
        self._sign = sign

    def __del__(self) -> None:
        """Python calls the handler in here, and what that raises it prints and forgets."""
        signal.raise_signal(self._sign)


@dataclass
class _Armed:
    trigger: Trigger
    sign: int
    seen: Counter[str] = field(default_factory=Counter)
    cancelled: bool = False

    def committed(self, text: str) -> None:
        """Take note of a statement whose transaction is over."""
        for start in {INTENDED, CONFIRMED, self.trigger.statement} - {""}:
            if text.startswith(start):
                self.seen[start] += 1
                if start == self.trigger.statement:
                    self.fire(On.STATEMENT, self.seen[start])

    def sending(self, request: httpx.Request) -> bool:
        """See a request leave; whether it is a change."""
        reads = request.method == "GET" or request.url.path.endswith("/validate")
        if reads or not self.seen[INTENDED]:
            return False
        self.seen["writes"] += 1
        if self.trigger.on is On.SILENCE and self.seen["writes"] == self.trigger.nth:
            request.headers[UNHEARD] = "yes"
            say("sent")
        return True

    def ordered(self, request: httpx.Request) -> None:
        """Take note of what Prefect was asked, and has done."""
        if self.trigger.on is On.ORDER and request.url.path.endswith(self.trigger.statement):
            self.seen["orders"] += 1
            self.fire(On.ORDER, self.seen["orders"])

    def answered(self, *, write: bool) -> None:
        """Take note of an answer."""
        if write:
            self.fire(On.ANSWER, self.seen["writes"])
            return
        self.fire(On.LOOK, self.seen[CONFIRMED])
        if 0 < self.trigger.cancelled <= self.seen[CONFIRMED] and not self.cancelled:
            self.cancelled = True
            os.kill(os.getpid(), signal.SIGTERM)

    def fire(self, on: On, count: int) -> None:
        """Die if this is the place."""
        if on is self.trigger.on and count == self.trigger.nth:
            self.seen["fired"] += 1
            if self.seen["fired"] != 1:  # who slept here must not sleep again
                return
            if self.trigger.finalizing:
                _Finalized(self.sign)  # nobody keeps it
            else:
                os.kill(os.getpid(), self.sign)


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def set_up(trigger: Trigger, sign: int) -> None:
    """Let this process die, or stop, when the trigger fires."""
    armed = _Armed(trigger, sign)
    outside = (f"{os.environ['CCT_URL']}/api/v1", f"{os.environ['CCT_URL']}/github")
    notices = f"{os.environ['CCT_URL']}/slack"

    @event.listens_for(sa.Engine, "after_cursor_execute")
    def see(conn: sa.Connection, _cursor: object, text: str, *_: object) -> None:
        conn.info.setdefault("texts", []).append(text)

    @event.listens_for(Pool, "checkin")
    def commit(_connection: object, record: sa.PoolProxiedConnection) -> None:
        for text in record.info.pop("texts", []):
            armed.committed(text)

    send = httpx.Client.send

    def watched(client: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        if not str(request.url).startswith(outside):
            response = send(client, request, **more)
            armed.ordered(request)
            return response
        write = armed.sending(request)
        response = send(client, request, **more)
        armed.answered(write=write)
        return response

    opened = OpenerDirector.open

    def counted(opener: OpenerDirector, request: Any, *more: Any, **others: Any) -> Any:
        answer = opened(opener, request, *more, **others)
        if request.full_url.startswith(notices):
            armed.seen["notices"] += 1
            armed.fire(On.NOTICE, armed.seen["notices"])
        return answer

    httpx.Client.send = watched  # type: ignore[method-assign,assignment]
    OpenerDirector.open = counted  # type: ignore[method-assign,assignment]
