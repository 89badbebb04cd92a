"""Checks before anything starts, because a clear error is cheapest then."""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import psutil

from cct_ops.addresses import listen
from cct_ops.errors import BadConfiguration


def check_port(host: str, port: int, what: str, option: str) -> None:
    """Raise unless somebody can begin to listen on the port."""
    try:
        listen(host, port).close()
    except OSError as exc:
        if exc.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise BadConfiguration(
                f"port {port} for {what} cannot be used ({exc.strerror}{_listener(port)}): stop "
                f"what uses it, or choose another port with {option}"
            ) from exc
        raise BadConfiguration(
            f"{what} cannot listen on {host} ({exc.strerror}): name an address of this machine"
        ) from exc


def check_cct_url(url: str) -> None:
    """Raise unless this can be the URL of a CCT; whether CCT answers is not asked."""
    place = urlsplit(url)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise BadConfiguration(
            "CCT_URL must be scheme://host[:port] with http or https: correct it, or unset it to "
            "use the sandbox"
        )


def problem_with_cct(url: str, timeout_seconds: float) -> str | None:
    """Return why nothing answers at CCT_URL, or None if something does; it is not judged."""
    import httpx

    try:
        httpx.get(f"{url.rstrip('/')}/api/v1/data/health", timeout=timeout_seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        netloc = urlsplit(url).netloc.rpartition("@")[2]
        return f"{netloc}: {str(error) or type(error).__name__}"
    return None


def _listener(port: int) -> str:
    """Name who listens, as far as we may know; not its command line, which may hold secrets."""
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
