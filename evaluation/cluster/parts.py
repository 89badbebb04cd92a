"""
The processes of the cluster, and the host of each.

``one`` and ``two`` have one of everything that is ours, ``three`` a worker. They are started by the
commands that a host's supervisor runs.
"""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from evaluation.cluster import config
from evaluation.cluster.disk import Disks
from evaluation.cluster.member import Member
from evaluation.cluster.network import Host
from evaluation.cluster.postgres import Databases
from evaluation.cluster.proxy import GATEWAY_PORT, PREFECT_PORT, configuration, door

COMMAND = str(Path(sys.executable).parent / "cct-ops")
_PRINTS = {"controller": "controller: ready", "worker": "started!"}
_SECONDS = 2.0


@dataclass(frozen=True)
class Places:
    """The hosts and disks that parts run on, and the folder for their logs and files."""

    hosts: Mapping[str, Host]
    folder: Path
    disks: Disks


def helpers(places: Places, env: Mapping[str, str]) -> Iterator[Member]:
    """Yield what is not ours: Redis, nginx, and CCT's and Slack's stand-in with their doors."""
    hosts, folder = places.hosts, places.folder
    front, cct = hosts["front"], hosts["cct"]
    yield Member(
        name="redis",
        host=front,
        command=(
            *("redis-server", "--bind", front.address, "--port", str(config.REDIS_PORT)),
            *("--save", "", "--appendonly", "yes", "--dir", str(places.disks.of("redis"))),
            *("--protected-mode", "no"),
        ),
        env={},
        log=folder / "redis.log",
        well=partial(_redis_answers, front),
    )
    pair = [hosts["one"], hosts["two"]]
    sandbox = f"{cct.address}:{config.SANDBOX_PORT}"
    words = ("--host", cct.address, "--port", str(config.SANDBOX_PORT), "--no-limits")
    yield _nginx("nginx", front, GATEWAY_PORT, folder, partial(configuration, front, pair, pair))
    yield Member(
        name="sandbox",
        host=cct,
        command=(sys.executable, "-m", "cct_ops.sandbox", *words),
        env=env,
        log=folder / "sandbox.log",
        well=partial(_answers, f"http://{sandbox}/api/v1/data/health"),
    )
    for name, host, port in (("cct", cct, config.CCT_PORT), ("slack", front, config.SLACK_PORT)):
        yield _nginx(name, host, port, folder, partial(door, host, port, sandbox))


def _nginx(name: str, host: Host, port: int, folder: Path, text: Callable[[Path], str]) -> Member:
    inside = folder / name
    inside.mkdir()
    (inside / "nginx.conf").write_text(text(inside))
    return Member(
        name=name,
        host=host,
        command=("nginx", "-e", "stderr", "-c", str(inside / "nginx.conf"), "-p", str(inside)),
        env={},
        log=folder / f"{name}.log",
        well=partial(_listens, host, port),
    )


def ours(
    places: Places, databases: Databases, env: Mapping[str, str], servers_env: Mapping[str, str]
) -> Iterator[Member]:
    """Yield the parts of ours, Prefect's servers first."""
    for part in ("prefect-api", "prefect-services", "gateway", "controller", "worker"):
        for number, place in enumerate(("one", "two", "three"), 1):
            if part != "worker" and place == "three":
                continue
            host, name = places.hosts[place], f"{part}-{number}"
            own = {**env, **(servers_env if part.startswith("prefect") else {})}
            own |= _connections(databases, name) | _files(places.disks, name, env)
            own |= {
                "HOSTNAME": place,
                "PREFECT_SERVER_API_HOST": host.address,
                "CCT_OPS_GATEWAY_HOST": host.address,
            }
            member = Member(
                name=name,
                host=host,
                command=(COMMAND, "start", part),
                env=own,
                log=places.folder / f"{name}.log",
                well=lambda: True,
            )
            member.well = _wellness(part, host, member)
            yield member


def _connections(databases: Databases, name: str) -> dict[str, str]:
    """Return the databases' URLs with a part's own role."""
    role = databases.role(name)
    if name.startswith("prefect"):
        url = databases.url("asyncpg", "prefect", role)
        return {"PREFECT_API_DATABASE_CONNECTION_URL": url}
    return {"CCT_OPS_DATABASE_URL": databases.url("psycopg", "cct_ops", role)}


def _files(disks: Disks, name: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return where a part keeps files: on its own disk, with the key that all controllers have."""
    disk = disks.of(name)
    for folder in ("home", "tmp"):
        (disk / folder).mkdir(exist_ok=True)
    own = {"PREFECT_HOME": str(disk / "home"), "TMPDIR": str(disk / "tmp")}
    if name.startswith("controller"):
        shutil.copytree(env["CCT_OPS_RECORD_PATH"], disk / "record", dirs_exist_ok=True)
        own["CCT_OPS_RECORD_PATH"] = str(disk / "record")
    return own


def _wellness(part: str, host: Host, member: Member) -> Callable[[], bool]:
    """Return how to see that a part does its work."""
    if part == "gateway":
        return partial(_answers, f"http://{host.address}:{GATEWAY_PORT}/healthz")
    if part == "prefect-api":
        return partial(_answers, f"http://{host.address}:{PREFECT_PORT}/api/health")
    if part in _PRINTS:
        return partial(member.printed, _PRINTS[part])
    return lambda: True  # Prefect's services show nothing while they are well


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=_SECONDS, trust_env=False).is_success
    return False


def _listens(host: Host, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host.address, port), _SECONDS):
        return True
    return False


def _redis_answers(host: Host) -> bool:
    with suppress(OSError):
        where = host.address, config.REDIS_PORT
        with socket.create_connection(where, _SECONDS) as connection:
            connection.settimeout(_SECONDS)
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    return False
