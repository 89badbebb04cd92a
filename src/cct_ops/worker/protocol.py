"""
What a warm process is told to do: a length and JSON, and the lock file that shows it alive.

It answers with one byte when its run is Running.
"""

from __future__ import annotations

import os
import socket
import struct
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

BEGUN = b"."

_HEAD = struct.Struct(">I")


class Token(BaseModel):
    """The server's word that its client is no page of somebody else's."""

    model_config = ConfigDict(frozen=True)

    client: UUID
    token: str
    expiration: datetime


class Answers(BaseModel):
    """What the worker knows already, and each process would ask the server for."""

    model_config = ConfigDict(frozen=True)

    token: Token | None = None
    result_storage: UUID | None = None
    related: dict[str, dict[str, Any]] = {}  # by kind and id, as Prefect's events name them


class Order(BaseModel):
    """One flow run to execute, or the hooks of one that can no longer run them itself."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["run", "hooks"]
    flow_run: dict[str, Any]
    entrypoint: str
    env: dict[str, str]
    answers: Answers = Answers()
    stream_output: bool = True
    state: dict[str, Any] | None = None  # for hooks: the state that they are about


def send(line: socket.socket, order: Order, lock_fd: int | None) -> None:
    """Hand the order over; the receiver then holds the lock too, until it dies."""
    line.setblocking(True)  # an order may be larger than the socket's buffer
    body = order.model_dump_json().encode()
    data = _HEAD.pack(len(body)) + body
    sent = socket.send_fds(line, [data], [] if lock_fd is None else [lock_fd])
    line.sendall(data[sent:])
    line.setblocking(False)


def receive(line: socket.socket) -> Order | None:
    """Wait for an order; None when the worker has let go instead. Its lock stays open."""
    head, descriptors, _, _ = socket.recv_fds(line, _HEAD.size, 1)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # what a playbook starts must not keep it locked
    head += _exactly(line, _HEAD.size - len(head)) if head else b""
    if len(head) < _HEAD.size:
        return None
    (size,) = _HEAD.unpack(head)
    body = _exactly(line, size)
    return Order.model_validate_json(body) if len(body) == size else None


def _exactly(line: socket.socket, size: int) -> bytes:
    """Read so many bytes, and none of what follows; fewer when the line ends."""
    data = b""
    while len(data) < size and (more := line.recv(size - len(data))):
        data += more
    return data
