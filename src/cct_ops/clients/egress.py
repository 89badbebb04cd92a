"""The certificates that requests trust, and the proxy that they leave through."""

from __future__ import annotations

import ssl
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx


@lru_cache(maxsize=1)
def authorities() -> ssl.SSLContext:
    """Load the certificate authorities once per process: that takes longer than a request."""
    return httpx.create_ssl_context()


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for this URL, None where it needs none."""
    place = urlsplit(url)
    if proxy_bypass(place.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    return proxies.get(place.scheme) or proxies.get("all")
