"""The parts of a stack, when each counts as ready, and the events about them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from cct_ops.stack.process import Program


class Answers(BaseModel, frozen=True):
    """Ready when a GET of the URL is answered with 200."""

    url: str


class Prints(BaseModel, frozen=True):
    """Ready when the text appears in its output."""

    text: str


class Ends(BaseModel, frozen=True):
    """A step, not a service: ready when it has ended with exit code 0."""


class Part(BaseModel, frozen=True):
    """One process of the stack; it starts when the parts named in ``after`` are ready."""

    name: str
    program: Program
    ready: Answers | Prints | Ends
    after: tuple[str, ...] = ()
    start_seconds: float = 180.0  # twenty on an idle machine, more than a minute on a busy one


class Restarts(BaseModel, frozen=True):
    """The limit of restarts of a part that dies, before it is given up."""

    limit: int = 5
    window_seconds: float = 600.0
    first_delay_seconds: float = 0.5  # doubled each time


class Plan(BaseModel, frozen=True):
    """All that the supervisor is given, in one line on its stdin."""

    parts: tuple[Part, ...]
    logs: Path
    status: Path
    lock_fd: int | None = None
    restarts: Restarts = Restarts()


class Event(BaseModel, frozen=True):
    """One thing that the supervisor reports, as one line of JSON on its stdout."""

    kind: Literal["starting", "ready", "failed", "up", "died", "degraded", "stopping", "stopped"]
    part: str = ""
    pid: int = 0
    seconds: float = 0.0
    message: str = ""
