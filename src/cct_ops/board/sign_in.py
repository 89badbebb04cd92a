"""
Signing in by a link, which lets its person in once, and out.

A look at a link changes nothing, because previews follow links: its button does. Whoever signs in
gets a session that is new, and the one that the browser had ends; a page that was asked for before
is where the way leads then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cct_ops.board import door, view
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.gateway.limits import Refused
from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.people.sign_ins import LinkState, SignInLink
from cct_ops.typed import typed

InTime = Callable[[Callable[[], Response]], Awaitable[Response]]

_REFUSALS = {
    LinkState.USED: "This link let somebody in already, and a link does so once. If that was not"
    " you, whoever runs this stack can see and end the session",
    LinkState.LATE: "This link is too old",
}
_UNKNOWN = "This link is not one of ours, or not whole"


def routes(board: Board, site: Site, in_time: InTime) -> list[Route]:
    """Return those of signing in and out."""

    async def look(request: Request) -> Response:
        return await in_time(lambda: _offer(board, request))

    async def enter(request: Request) -> Response:
        if not door.comes_from_here(request, site):
            return view.notice("Nothing was done", "This form was sent from another site.", 403)
        return await in_time(lambda: _enter(board, site, request))

    async def leave(request: Request) -> Response:
        if not door.comes_from_here(request, site):
            return view.notice("Nothing was done", "This form was sent from another site.", 403)
        try:
            fields = await door.read_form(request)
        except Refused as refused:
            return view.notice("Nothing was done", f"{refused}.", refused.status)
        return await in_time(lambda: _leave(board, site, request, fields))

    return [
        Route("/links/{token}", look),
        Route("/links/{token}", enter, methods=["POST"]),
        Route("/sign-out", leave, methods=["POST"]),
    ]


def needed(board: Board, site: Site, here: str) -> Response:
    """Tell a stranger how to get in, and let the browser keep where that person wanted to go."""
    provider = board.provider_s_host()
    answer = view.sign_in("You are not signed in.", 401, here=here, provider=provider)
    if here != "/":
        door.keep_wanted(answer, site, here)
    return answer


def _offer(board: Board, request: Request) -> Response:
    link = sign_ins.find_link(board.engine, request.path_params["token"])
    if link is None or link.state is not LinkState.GOOD:
        return _refused(link)
    return view.sign_in(f"This link signs you in, once, as {link.person}.", 200, offer=link)


def _enter(board: Board, site: Site, request: Request) -> Response:
    token = request.path_params["token"]
    had = request.cookies.get(site.cookie)
    begun = sign_ins.use_link(board.engine, token, instead_of=had)
    if begun is None:
        return _refused(sign_ins.find_link(board.engine, token))
    answer = RedirectResponse(door.wanted(request, site) or "/", 303)
    door.remember(answer, site, begun.token)
    door.forget_wanted(answer, site)
    return answer


def _leave(board: Board, site: Site, request: Request, fields: dict[str, str]) -> Response:
    visitor = door.find_visitor(board, request.cookies.get(site.cookie))
    if visitor is not None:
        if not door.is_of(visitor, fields):
            return view.notice("Nothing was done", "This form is not of your session.", 403)
        sign_ins.revoke(board.engine, visitor.session.id, visitor.name)
    provider = board.provider_s_host()
    there = f" {provider} may still know you: sign out there as well." if provider else ""
    answer = view.sign_in(f"You are signed out.{there}", 200, provider=provider)
    door.forget(answer, site)
    return answer


def _refused(link: SignInLink | None) -> Response:
    why = _UNKNOWN if link is None else _REFUSALS[link.state]
    if link is not None and link.state is LinkState.USED:
        why = f"{why} (`{typed('board', 'sessions')}`)"
    return view.sign_in(f"{why}.", 410 if link else 404)
