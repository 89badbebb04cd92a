"""``cct-ops alive``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cct_ops.terminal import say

if TYPE_CHECKING:
    from cct_ops.settings import Settings

_SECONDS = 3.0


def alive(
    part: Annotated[
        Literal["gateway", "board", "controller", "worker", "prefect-api"],
        Parameter(help="A part that is to run on this machine, or in this container."),
    ],
) -> int:
    """
    Ask a part on this machine whether its process answers; for health checks of containers.

    Not whether all is well: a part whose ledger is away waits for it, and a restart helps nobody.
    The controller and the worker answer where their metrics are, so these must have a port.
    """
    import httpx

    from cct_ops.settings import Settings

    url, host = _place(part, Settings.load())
    try:
        answer = httpx.get(
            url, headers={"Host": host} if host else {}, timeout=_SECONDS, trust_env=False
        )
    except httpx.HTTPError as error:
        say(f"{part}: {url} does not answer: {str(error) or type(error).__name__}", stderr=True)
        return 1
    if answer.is_success:
        say(f"{part}: alive")
        return 0
    say(f"{part}: {url} answers {answer.status_code}", stderr=True)
    return 1


def _place(part: str, settings: Settings) -> tuple[str, str]:
    """Return where a part answers, and the name that it answers under; none is any."""
    from urllib.parse import urlsplit

    from cct_ops.addresses import reached_at
    from cct_ops.errors import BadConfiguration
    from cct_ops.variables import said

    if part == "prefect-api":
        host = said("PREFECT_SERVER_API_HOST") or "127.0.0.1"
        port = int(said("PREFECT_SERVER_API_PORT") or 4200)
        return f"{reached_at(host, port)}/api/health", ""
    if part == "gateway":
        return f"{reached_at(settings.gateway_host, settings.gateway_port)}/healthz", ""
    if part == "board":
        place = f"{reached_at(settings.board_host, settings.board_port)}/healthz"
        return place, urlsplit(settings.board_links()).netloc
    port = (
        settings.controller_metrics_port if part == "controller" else settings.worker_metrics_port
    )
    if not port:
        raise BadConfiguration(
            f"the {part} answers where its metrics are: set CCT_OPS_{part.upper()}_METRICS_PORT"
        )
    return f"{reached_at(settings.metrics_host, port)}/metrics", ""
