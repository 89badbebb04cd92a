"""
Signing in by OIDC: the way to the provider and back, bound to the browser that went it.

One random token in a cookie of the browser is what the state, the nonce and the proof of the code
(PKCE) are made of, each in one direction: whoever sees one of them, in an address or a log, can
make none of the others. A code that comes back in another browser finds no cookie that fits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cct_ops.board import door, view
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.clients.text import one_line
from cct_ops.config.sign_in import LONGEST_NAME, SignIn
from cct_ops.errors import OpsError, Rejected, Unavailable
from cct_ops.ledger.people import sign_ins
from cct_ops.models.names import folded
from cct_ops.models.role import Role

if TYPE_CHECKING:  # authlib is read into memory at the first sign-in, and not by every board
    from cct_ops.clients.oidc import Identity, Provider

BEGIN = "/sign-in/oidc"
BACK = "/sign-in/oidc/back"
MINUTES = 10
SECONDS = 20  # three answers of the provider, and ours
MOST_AT_ONCE = 4  # of the board's threads that wait for a provider

log = logging.getLogger(__name__)

InTime = Callable[[Callable[[], Response], float], Awaitable[Response]]


class NotLetIn(OpsError):
    """The provider knows who it is, and our file does not let that person in."""


class Way(NamedTuple):
    """One sign-in that has begun: the browser's token, and where its person wanted to go."""

    token: str
    wanted: str

    def derived(self, purpose: str) -> str:
        """Return what stands for this sign-in in one place, and leads to no other."""
        mac = hmac.digest(self.token.encode(), f"cct-ops {purpose}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def routes(board: Board, site: Site, in_time: InTime) -> list[Route]:
    """Return those of the way to the provider and back."""
    desk = _Desk(board, site)

    async def begin(request: Request) -> Response:
        return await in_time(lambda: desk.answered(desk.begin, request), SECONDS)

    async def back(request: Request) -> Response:
        return await in_time(lambda: desk.answered(desk.back, request), SECONDS)

    return [Route(BEGIN, begin), Route(BACK, back)]


class _Desk:
    """Where people are sent to the provider and are received from it."""

    def __init__(self, board: Board, site: Site) -> None:
        self._board, self._site = board, site
        self._room = BoundedSemaphore(MOST_AT_ONCE)
        self._lock = Lock()
        self._known: tuple[SignIn, Provider] | None = None

    def answered(self, turn: Callable[[SignIn, Request], Response], request: Request) -> Response:
        """Take a turn, or say in a sentence why not; a way that has failed is over."""
        try:
            sign_in = self._board.sign_in_by_oidc()
            if sign_in is None:
                return view.sign_in("Here nobody signs in by OIDC.", 404)
            if not self._room.acquire(blocking=False):
                raise Unavailable("Too many people sign in at this moment: try again.")
            try:
                return turn(sign_in, request)
            finally:
                self._room.release()
        except OpsError as error:
            log.warning("sign-in by OIDC: %s", error)
            status = 403 if isinstance(error, NotLetIn | Rejected) else 503
            words = f"{error} One-time links work as ever."
            answer = view.sign_in(words, status, provider=self._board.provider_s_host())
            answer.delete_cookie(self._cookie, path="/", secure=self._site.secure, httponly=True)
            return answer

    def begin(self, sign_in: SignIn, request: Request) -> Response:
        """Send the person to the provider."""
        way = Way(secrets.token_urlsafe(32), request.query_params.get("back", "")[:500])
        page = self._provider(sign_in).page(
            self._address(request),
            state=way.derived("state"),
            nonce=way.derived("nonce"),
            verifier=way.derived("verifier"),
        )
        answer = RedirectResponse(page, 303)
        wanted = base64.urlsafe_b64encode(way.wanted.encode()).decode()
        answer.set_cookie(
            self._cookie,
            f"{way.token}.{wanted}",
            max_age=MINUTES * 60,
            path="/",
            secure=self._site.secure,
            httponly=True,
            samesite="lax",  # its person comes back from the provider's site
        )
        return answer

    def back(self, sign_in: SignIn, request: Request) -> Response:
        """Receive the person, and begin a session of whom the provider says that it is."""
        way, asked = self._way(request), request.query_params
        state, code = asked.get("state", ""), asked.get("code", "")
        if way is None or not hmac.compare_digest(
            way.derived("state").encode(), state.encode("utf-8", "replace")
        ):
            raise NotLetIn(
                f"This sign-in was not begun in this browser, or more than {MINUTES} minutes ago:"
                " begin anew."
            )
        provider = self._provider(sign_in)
        iss = asked.get("iss")
        needed = provider.metadata().authorization_response_iss_parameter_supported
        if (iss is not None or needed) and iss != sign_in.issuer:
            raise NotLetIn("This answer comes from another provider.")
        if not code:
            why = one_line(asked.get("error", "it gave no code"))[:100]
            raise NotLetIn(f"The provider {sign_in.host} did not sign you in: {why}.")
        identity = provider.identity(
            code,
            self._address(request),
            nonce=way.derived("nonce"),
            verifier=way.derived("verifier"),
        )
        name, role = whom(self._board, sign_in, identity)
        proof = f"signed in by OIDC at {identity.issuer} as {one_line(identity.subject)}"
        had = request.cookies.get(self._site.cookie)
        begun = sign_ins.begin(self._board.engine, name, role, proof, instead_of=had)
        answer = RedirectResponse(door.inside(way.wanted) or "/", 303)
        door.remember(answer, self._site, begun.token)
        door.forget_wanted(answer, self._site)
        answer.delete_cookie(self._cookie, path="/", secure=self._site.secure, httponly=True)
        return answer

    @property
    def _cookie(self) -> str:
        return f"{self._site.cookie}-sign-in"

    def _way(self, request: Request) -> Way | None:
        token, dot, wanted = request.cookies.get(self._cookie, "").partition(".")
        try:
            place = base64.urlsafe_b64decode(wanted).decode()
        except ValueError:
            return None
        return Way(token, place) if dot and len(token) >= 43 else None

    def _address(self, request: Request) -> str:
        """Return where the provider sends people back to: the name of ours that they use."""
        host = self._site.host if self._site.secure else request.headers["host"]
        return f"{self._site.scheme}://{host}{BACK}"

    def _provider(self, sign_in: SignIn) -> Provider:
        from cct_ops.clients.oidc import Provider

        with self._lock:
            if self._known is None or self._known[0] != sign_in:
                self._known = sign_in, Provider(sign_in)
            return self._known[1]


def whom(board: Board, sign_in: SignIn, identity: Identity) -> tuple[str, Role]:
    """Return the person and the role; raises ``NotLetIn`` where our file does not let them in."""
    account = _account(sign_in, identity)
    person = sign_in.person(account)
    role = (person.role if person else None) or sign_in.role_of(identity.claims)
    if role is None:
        raise NotLetIn(
            f"The provider {sign_in.host} says that you are {account}, and gives you no role here:"
            " ask whoever runs this stack for one."
        )
    if person is not None:
        return person.name, role
    known = board.approvers()
    listed = known.approvers if known else ()
    taken = {folded(each.name) for each in sign_in.people}
    if folded(account) in taken or any(each.is_called(account) for each in listed):
        raise NotLetIn(
            f"Your account is called {account}, which is the name of somebody else here, and"
            " nothing says that it is you: whoever runs this stack can list your account in the"
            " board's file."
        )
    return account, role


def _account(sign_in: SignIn, identity: Identity) -> str:
    claim = sign_in.account_claim
    value = identity.claims.get(claim)
    if claim == "email" and identity.claims.get("email_verified") is not True:
        raise NotLetIn(f"The provider {sign_in.host} does not say that your email is verified.")
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise NotLetIn(f"The provider {sign_in.host} does not say your {claim}.")
    if not value.isprintable() or value != value.strip():
        raise NotLetIn(f"Your {claim} at {sign_in.host} has a character that nobody can see.")
    return value
