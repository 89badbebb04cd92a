"""
What every answer of the board says to the browser, and under which names it answers at all.

A name that somebody else's DNS leads here (rebinding) is refused before anything is looked at.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    # Without a referrer at all a browser does not say either from which site a form comes.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FOR_A_YEAR = "max-age=31536000"


@dataclass(frozen=True)
class Site:
    """The origin under which people reach the board; cookies are Secure where that is https."""

    scheme: str
    host: str

    @classmethod
    def of(cls, settings: Settings) -> Site:
        """
        Return it.

        Raises ``BadConfiguration`` where people beyond this machine would sign in without TLS.
        """
        public = urlsplit(settings.board_links())
        beyond = not (_here(settings.board_host) and _here(public.hostname or ""))
        if beyond and public.scheme != "https":
            raise BadConfiguration(
                "The board is open to other machines, and whoever listens on the way could take a"
                " session over: put TLS in front of it and set CCT_OPS_BOARD_URL to its https://"
                " address, or leave CCT_OPS_BOARD_HOST on this machine."
            )
        return cls(public.scheme, public.netloc)

    @property
    def secure(self) -> bool:
        """True if the browser is to send its cookie over TLS alone."""
        return self.scheme == "https"

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; a secure one can be set by no other host or path."""
        return "__Host-cct-ops" if self.secure else "cct-ops-board"

    def knows(self, host: str) -> bool:
        """True if this is a name of ours; on this machine it has several, at any port."""
        if host.casefold() == self.host.casefold():
            return True
        place = parted(f"//{host}")
        return not self.secure and place is not None and _here(place.hostname or "")

    def is_origin(self, origin: str, host: str) -> bool:
        """True if a page of this very site is where a request comes from."""
        return origin.casefold() == f"{self.scheme}://{host}".casefold()


@dataclass(frozen=True)
class Guarded:
    """The application behind these headers, under its own names alone."""

    app: ASGIApp
    site: Site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers[name] = value
                if self.site.secure:
                    headers["Strict-Transport-Security"] = _FOR_A_YEAR
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not self.site.knows(hosts[0]):
            refusal = PlainTextResponse("The board does not answer under this name.", 421)
            await refusal(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)


def parted(address: str) -> SplitResult | None:
    """Return the parts of what somebody gives as an address; None where it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _here(host: str) -> bool:
    """True if this is a name of the machine itself, as nobody else's DNS could have made it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
