"""The parts of a stack, when each counts as ready, and the events about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cct_ops.stack.process import Program


class Answers(BaseModel):
    """Ready when a GET of the URL is answered with 200."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["answers"] = "answers"
    url: str


class Prints(BaseModel):
    """Ready when the text appears in its output."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["prints"] = "prints"
    text: str


class Ends(BaseModel):
    """A step, not a service: ready when it has ended with exit code 0."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["ends"] = "ends"


class Part(BaseModel):
    """One process of the stack; it starts when the parts named in ``after`` are ready."""

    model_config = ConfigDict(frozen=True)
    name: str
    program: Program
    ready: Annotated[Answers | Prints | Ends, Field(discriminator="kind")]
    after: tuple[str, ...] = ()
    start_seconds: float = 180.0  # twenty on an idle machine, more than a minute on a busy one


class Restarts(BaseModel):
    """The limit of restarts of a part that dies, before it is given up."""

    model_config = ConfigDict(frozen=True)
    limit: int = 5
    window_seconds: float = 600.0
    first_delay_seconds: float = 0.5  # doubled each time


class Plan(BaseModel):
    """All that the supervisor is given, in one line on its stdin."""

    model_config = ConfigDict(frozen=True)
    parts: tuple[Part, ...]
    logs: Path
    status: Path
    lock_fd: int | None = None
    restarts: Restarts = Restarts()


class Event(BaseModel):
    """One thing that the supervisor reports, as one line of JSON on its stdout."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["starting", "ready", "failed", "up", "died", "degraded", "stopping", "stopped"]
    part: str = ""
    pid: int = 0
    seconds: float = 0.0
    message: str = ""
