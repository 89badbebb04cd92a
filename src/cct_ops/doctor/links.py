"""The check that people who are somewhere else can open links."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from cct_ops.doctor.check import Result, Sign
from cct_ops.settings import Settings

_GATEWAY = "Set CCT_OPS_GATEWAY_URL to the address at which people reach the gateway."
_PREFECT = "Set CCT_OPS_PREFECT_UI_URL to the address at which people reach Prefect's UI."


def look(settings: Settings) -> Sequence[Result]:
    """Judge what links to requests for approval and to runs begin with; nothing is asked."""
    from prefect.settings import get_current_settings

    # People are elsewhere where the gateway listens for others.
    elsewhere = _place(settings.gateway_host) != "this machine"
    shut = Sign.BROKEN if elsewhere else Sign.UNSET
    found = [_judge("approvals", settings.gateway_links(), shut, _GATEWAY)]
    prefect = settings.prefect_ui_url or get_current_settings().ui_url
    if prefect is not None:
        shut = Sign.LIMITED if elsewhere else Sign.UNSET
        found.append(_judge("runs", str(prefect), shut, _PREFECT))
    return found


def _judge(what: str, url: str, shut: Sign, fix: str) -> Result:
    """Judge what links begin with; ``shut`` is the sign where this machine alone opens them."""
    seen = f"those to {what} begin with {url.rstrip('/')}"
    match _place(urlsplit(url).hostname or ""):
        case "nowhere":
            seen = f"{seen}, which is no address that anybody can open"
            return Result("links", Sign.BROKEN, seen, fix)
        case "this machine":
            seen = f"{seen}, which this machine alone can open"
            return Result("links", shut, seen, fix)
        case _:
            return Result("links", Sign.WELL, seen)


def _place(host: str) -> str:
    """Return where a host is: on this machine, elsewhere, or nowhere."""
    if host == "localhost" or host.endswith(".localhost"):
        return "this machine"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "elsewhere" if host else "nowhere"
    if address.is_unspecified:
        return "nowhere"
    return "this machine" if address.is_loopback else "elsewhere"
