"""
The protocol between the worker and a warm process.

The worker sends a command (a length and JSON, with the lock file that shows the process alive) and
lines after it; the process answers with one byte when its run is Running.
"""

from __future__ import annotations

import os
import socket
import struct
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

# Lines to a process that has its command: its run is claimed; stop after the first task; go on.
CLAIMED, HOLD, GO_ON = "claimed", "hold", "go on"
BEGUN = b"."

_HEAD = struct.Struct(">I")


class Token(BaseModel, frozen=True):
    """Prefect's CSRF token."""

    client: UUID
    token: str
    expiration: datetime


class ServerAnswers(BaseModel, frozen=True):
    """ServerAnswers of the server that the worker has already, and each process would ask for."""

    token: Token | None = None
    result_storage: UUID | None = None
    related: dict[str, dict[str, Any]] = {}  # by kind and id, as Prefect's events name them


class Command(BaseModel, frozen=True):
    """One flow run to execute, or the hooks of one that can no longer run them itself."""

    kind: Literal["run", "hooks"]
    flow_run: dict[str, Any]
    entrypoint: str
    env: dict[str, str]
    answers: ServerAnswers = ServerAnswers()
    stream_output: bool = True
    state: dict[str, Any] | None = None  # for hooks: the state that they are about


def send(line: socket.socket, command: Command, lock_fd: int | None) -> None:
    """Hand the command over; the receiver then holds the lock too, until it dies."""
    line.setblocking(True)  # a command may be larger than the socket's buffer
    body = command.model_dump_json().encode()
    data = _HEAD.pack(len(body)) + body
    sent = socket.send_fds(line, [data], [] if lock_fd is None else [lock_fd])
    line.sendall(data[sent:])
    line.setblocking(False)


def receive(line: socket.socket) -> Command | None:
    """Wait for a command; None when the worker has let go instead. Its lock stays open."""
    head, descriptors, _, _ = socket.recv_fds(line, _HEAD.size, 1, socket.MSG_WAITALL)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # what a playbook starts must not keep it locked
    if len(head) < _HEAD.size:
        return None
    (size,) = _HEAD.unpack(head)
    body = line.recv(size, socket.MSG_WAITALL)
    return Command.model_validate_json(body) if len(body) == size else None
