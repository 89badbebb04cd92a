"""What is checked before anything starts, because a clear error is cheapest then."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import psutil

from cct_ops.errors import BadConfiguration

_REACH_SECONDS = 5.0


def check_port(host: str, port: int, what: str, option: str) -> None:
    """Raise unless somebody can begin to listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as exc:
            raise BadConfiguration(
                f"port {port} for {what} cannot be used ({exc.strerror}{_listener(port)}): stop "
                f"what uses it, or choose another port with {option}"
            ) from exc


def check_cct(url: str) -> None:
    """Raise unless something speaks HTTP at CCT_URL; what it answers is not judged here."""
    import httpx

    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise BadConfiguration(
            "CCT_URL must be scheme://host[:port] with http or https: correct it, or unset it to "
            "use the sandbox"
        )
    try:
        httpx.get(f"{url.rstrip('/')}/api/v1/data/health", timeout=_REACH_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        place = urlsplit(url)
        raise BadConfiguration(
            f"nothing answers at CCT_URL ({place.scheme}://{place.netloc.rpartition('@')[2]}): "
            f"{str(exc) or type(exc).__name__}. Start CCT, correct CCT_URL, or unset it to use the "
            "sandbox"
        ) from exc


def _listener(port: int) -> str:
    """Who listens, as far as we may know; never its command line, which may hold secrets."""
    try:
        connections = psutil.net_connections("tcp")
        for connection in connections:
            if connection.status != psutil.CONN_LISTEN or not connection.laddr:
                continue
            if connection.laddr.port == port and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by process {connection.pid}, {name}"
    except psutil.Error:
        return ""
    return ""
