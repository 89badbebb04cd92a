"""What the tests read out of CCT's answers."""

from __future__ import annotations

from typing import Any

import httpx

PRE_MARKET = "/pre-market-briefing"
DAILY = "/daily-summary"


def payload(response: httpx.Response) -> Any:
    """Return what an admin handler answered, below both envelopes."""
    return response.json()["data"]["data"]


def config(cct: httpx.Client, route: str) -> Any:
    """Read one route's configuration as clients see it."""
    return payload(cct.get("canary/status"))["routes"][route]


def slo(cct: httpx.Client, route: str, **query: str) -> Any:
    """Read one route's SLO status."""
    listed = cct.get("slo/status", params=query).json()["data"]
    return next(status for status in listed if status["endpoint"] == route)


def traffic(cct: httpx.Client, route: str) -> Any:
    """Read one route's canary and stable traffic."""
    return payload(cct.get("canary/metrics"))["routes"][route]
