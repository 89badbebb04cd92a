"""Addresses on which parts listen: IPv4, IPv6 with or without brackets, and names."""

from __future__ import annotations

import socket

from cct_ops.errors import BadConfiguration

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- compared only


def listen(host: str, port: int, backlog: int = 128) -> socket.socket:
    """Begin to listen; raises ``OSError`` as the system words it."""
    bare = _bare(host)
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    listener = socket.create_server((bare, port), family=family, backlog=backlog)
    # asyncio asks for it only where a socket names its protocol, and uvicorn answers in two parts:
    # the second would wait until word of the first came back, 40 ms later.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listen_as(part: str, host: str, port: int, backlog: int = 128) -> socket.socket:
    """Begin to listen as this part; raises ``BadConfiguration`` that says what to choose."""
    try:
        return listen(host, port, backlog)
    except OSError as error:
        variable = f"CCT_OPS_{part.upper()}"
        raise BadConfiguration(
            f"The {part} cannot listen on {host}:{port}: {error.strerror}; choose another with"
            f" {variable}_HOST and {variable}_PORT."
        ) from error


def reached_at(host: str, port: int) -> str:
    """Return the URL by which this machine reaches who listens there, on all addresses too."""
    bare = _bare(host)
    place = _EVERYWHERE.get(bare, bare)
    return f"http://[{place}]:{port}" if ":" in place else f"http://{place}:{port}"


def _bare(host: str) -> str:
    return host.strip().removeprefix("[").removesuffix("]")
