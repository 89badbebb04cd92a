"""What a warm process is told to do: one line of JSON, and the lock file that shows it alive."""

from __future__ import annotations

import os
import socket
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

_CHUNK = 65536


class Order(BaseModel):
    """One flow run to execute, or the hooks of one that can no longer run them itself."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["run", "hooks"]
    flow_run: dict[str, Any]
    entrypoint: str
    env: dict[str, str]
    stream_output: bool = True
    state: dict[str, Any] | None = None  # for hooks: the state that they are about


def send(line: socket.socket, order: Order, lock_fd: int | None) -> None:
    """Hand the order over; the receiver then holds the lock too, until it dies."""
    line.setblocking(True)  # an order may be larger than the socket's buffer
    data = order.model_dump_json().encode() + b"\n"
    sent = socket.send_fds(line, [data], [] if lock_fd is None else [lock_fd])
    line.sendall(data[sent:])
    line.setblocking(False)


def receive(line: socket.socket) -> Order | None:
    """Wait for an order; None when the worker has let go instead. Its lock stays open."""
    data, descriptors, _, _ = socket.recv_fds(line, _CHUNK, 1)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # what a playbook starts must not keep it locked
    while not data.endswith(b"\n"):
        more = line.recv(_CHUNK)
        if not more:
            return None
        data += more
    return Order.model_validate_json(data)
