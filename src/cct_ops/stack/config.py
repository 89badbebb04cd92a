"""The choices for a stack, its folders, ports and environment, and the checks before it starts."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from cct_ops.addresses import listen
from cct_ops.errors import BadConfiguration
from cct_ops.stack.part import Restarts
from cct_ops.stack.postgres import free_port
from cct_ops.variables import harmless, normalized, said

HOST = "127.0.0.1"


class StackConfig(BaseModel, frozen=True):
    """
    Where a stack lives, its ports, and what its parts find in their environment.

    ``env`` is laid over the environment of the process that starts the stack. An isolated stack
    takes nothing from there but what programs need to run, so it never acts on anything real.
    """

    project: Path
    data: Path
    prefect_port: int = 4200
    gateway_port: int = 8080
    sandbox_port: int = 8090
    board_port: int = 8070
    env: Mapping[str, str] = {}
    isolated: bool = False
    restarts: Restarts = Restarts()

    @classmethod
    def here(
        cls,
        data: Path | None = None,
        *,
        prefect_port: int | None = None,
        gateway_port: int | None = None,
        sandbox_port: int | None = None,
        board_port: int | None = None,
    ) -> Self:
        """Return the stack of the project in which the current folder is."""
        project = project_of(Path.cwd())
        named = said("CCT_OPS_DATA")
        return cls(
            project=project,
            data=(data or (Path(named) if named else cls.usual_data(project))).absolute(),
            prefect_port=prefect_port or 4200,
            gateway_port=gateway_port or _port_from("CCT_OPS_GATEWAY_PORT", 8080),
            sandbox_port=sandbox_port or 8090,
            board_port=board_port or _port_from("CCT_OPS_BOARD_PORT", 8070),
        )

    @classmethod
    def ephemeral(cls, folder: Path, env: Mapping[str, str] | None = None) -> Self:
        """Return a stack in nobody's way: free ports, its data in the folder, isolated."""
        return cls(
            project=project_of(Path.cwd()),
            data=folder.absolute(),
            prefect_port=free_port(),
            gateway_port=free_port(),
            sandbox_port=free_port(),
            board_port=free_port(),
            env=env or {},
            isolated=True,
        )

    @staticmethod
    def usual_data(project: Path) -> Path:
        """Return where a project's stack keeps its data by default."""
        return project / ".cct-ops"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the parts start from."""
        inherited = harmless(os.environ) if self.isolated else normalized(os.environ)
        return normalized({**inherited, **self.env})


def project_of(folder: Path) -> Path:
    """Return the nearest folder with a prefect.yaml, from here upward."""
    for candidate in (folder, *folder.parents):
        if (candidate / "prefect.yaml").is_file():
            return candidate
    raise BadConfiguration(
        f"there is no prefect.yaml in {folder} or above it: run this in a checkout of the project"
    )


def _port_from(variable: str, default: int) -> int:
    value = said(variable)
    if value is None:
        return default
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise BadConfiguration(f"{variable} is no port number: set one from 1 to 65535")
    return int(value)


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
    import psutil

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
