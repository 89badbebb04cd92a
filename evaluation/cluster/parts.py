"""
The processes of the cluster, and the host of each.

``one`` and ``two`` have one of everything that is ours, ``three`` a worker. They are started by the
commands that a host's supervisor runs.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx

from evaluation.cluster import config
from evaluation.cluster.member import Member
from evaluation.cluster.network import Host
from evaluation.cluster.proxy import GATEWAY_PORT, PREFECT_PORT, configuration

COMMAND = str(Path(sys.executable).parent / "cct-ops")
_PRINTS = {"controller": "controller: ready", "worker": "started!"}
_SECONDS = 2.0


def helpers(hosts: Mapping[str, Host], folder: Path, env: Mapping[str, str]) -> Iterator[Member]:
    """Yield what is not ours: Redis, nginx, and CCT's stand-in."""
    front, cct = hosts["front"], hosts["cct"]
    yield Member(
        name="redis",
        host=front,
        command=(
            *("redis-server", "--bind", front.address, "--port", str(config.REDIS_PORT)),
            *("--save", "", "--appendonly", "yes", "--dir", str(folder), "--protected-mode", "no"),
        ),
        env={},
        log=folder / "redis.log",
        well=partial(_redis_answers, front),
    )
    inside = folder / "nginx"
    inside.mkdir()
    pair = [hosts["one"], hosts["two"]]
    (inside / "nginx.conf").write_text(configuration(front, pair, pair, inside))
    yield Member(
        name="nginx",
        host=front,
        command=("nginx", "-e", "stderr", "-c", str(inside / "nginx.conf"), "-p", str(inside)),
        env={},
        log=folder / "nginx.log",
        well=partial(_listens, front, GATEWAY_PORT),
    )
    words = ("--host", cct.address, "--port", str(config.CCT_PORT), "--no-limits")
    yield Member(
        name="cct",
        host=cct,
        command=(sys.executable, "-m", "cct_ops.sandbox", *words),
        env=env,
        log=folder / "cct.log",
        well=partial(_answers, f"{env['CCT_URL']}/api/v1/data/health"),
    )


def ours(
    hosts: Mapping[str, Host], folder: Path, env: Mapping[str, str], servers_env: Mapping[str, str]
) -> Iterator[Member]:
    """Yield the parts of ours, Prefect's servers first."""
    for part in ("prefect-api", "prefect-services", "gateway", "controller", "worker"):
        for number, place in enumerate(("one", "two", "three"), 1):
            if part != "worker" and place == "three":
                continue
            host = hosts[place]
            own = {**env, **(servers_env if part.startswith("prefect") else {})}
            own |= {
                "HOSTNAME": place,
                "PREFECT_HOME": str(folder / f"home-{place}"),
                "PREFECT_SERVER_API_HOST": host.address,
                "CCT_OPS_GATEWAY_HOST": host.address,
            }
            member = Member(
                name=f"{part}-{number}",
                host=host,
                command=(COMMAND, "start", part),
                env=own,
                log=folder / f"{part}-{number}.log",
                well=lambda: True,
            )
            member.well = _wellness(part, host, member)
            yield member


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
