"""
The board's application: the pages and actions of ``pages.ALL`` behind one door.

A stranger is answered 401 and told how to get in, whatever was asked for. What a person may not do
is refused by name. A look changes nothing; a change takes a form of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, compile_path

from cct_ops.board import api as api_routes, assets, door, oidc, pages, sign_in, view
from cct_ops.board.headers import Guarded, Site, parted
from cct_ops.board.page import (
    Action,
    Asked,
    Board,
    Done,
    FillAgain,
    Form,
    NoSuchPage,
    Page,
    Visitor,
)
from cct_ops.board.stream import Stream
from cct_ops.board.timely import LEDGER_SECONDS, in_time
from cct_ops.errors import OpsError, Unavailable
from cct_ops.gateway.limits import Refused

LIVE = "x-board-live"  # the script asks again for what it was told of
MOST_FILTERS = 20
LONGEST_FILTER = 200
log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(board: Board, site: Site, stream: Stream) -> Guarded:
    """Return the board."""
    shown = Shown(board, site, stream)
    routes = [
        Route("/healthz", lambda _: PlainTextResponse("ok")),
        Route("/static/{digest}/{name}", assets.serve),
        Route("/", lambda _: RedirectResponse(pages.ALL[0].path, 303)),
        Route("/events", shown.events),
        *sign_in.routes(board, site, in_time),
        *oidc.routes(board, site, in_time),
        *(Route(page.path, shown.page(page), name=page.name) for page in pages.ALL),
        *(
            Route(action.path, shown.action(page, action), methods=["POST"])
            for page in pages.ALL
            for action in page.actions
        ),
        api_routes.behind(board),
        Route("/{rest:path}", shown.nowhere, methods=["GET", "POST"]),
    ]
    return Guarded(Starlette(routes=routes), site)


class Shown:
    """The endpoints of pages, of actions, and of their news."""

    def __init__(self, board: Board, site: Site, stream: Stream) -> None:
        self._board, self._site, self._stream = board, site, stream
        self._paths = [(compile_path(page.path)[0], page) for page in pages.ALL]

    def page(self, page: Page) -> Endpoint:
        """Return the endpoint that shows a page."""

        async def show(request: Request) -> Response:
            return await in_time(lambda: self._show(page, request))

        return show

    def _show(self, page: Page, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return sign_in.needed(self._board, self._site, _address(request))
        if not page.there(self._board):
            return self._refusal(visitor, "There is nothing at this address.", 404)
        if not visitor.may(page.needs):
            words = f"This page is for the role {page.needs} and above."
            return self._refusal(visitor, words, 403, title="Not for you")
        asked = _asked(request.path_params, request.query_params)
        live = request.headers.get(LIVE) is not None
        try:
            data = self._stream.latest(page, asked) if live else None
            data = page.read(self._board, asked) if data is None else data
        except NoSuchPage:
            return self._refusal(visitor, "There is nothing at this address.", 404)
        except OpsError as error:
            words, title = str(error), "This page cannot be shown"
            return self._refusal(visitor, words, _status(error), title=title)
        here = _address(request)
        done = "" if live else view.done(request.cookies.get(view.DONE))
        answer = view.show(
            page, data, visitor, here=here, menu=pages.menu(self._board, visitor), done=done
        )
        if done:
            answer.delete_cookie(view.DONE, path="/")
        return answer

    def action(self, page: Page, action: Action) -> Endpoint:
        """Return the endpoint that does something and leads back to where the person was."""

        async def act(request: Request) -> Response:
            if not door.comes_from_here(request, self._site):
                return view.notice("Nothing was done", "This form was sent from another site.", 403)
            try:
                fields = await door.read_form(request)
            except Refused as refused:
                return view.notice("Nothing was done", f"{refused}.", refused.status)
            return await in_time(lambda: self._act(page, action, request, fields), action.seconds)

        return act

    def _act(
        self, page: Page, action: Action, request: Request, fields: dict[str, str]
    ) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return sign_in.needed(self._board, self._site, "/")
        if not page.there(self._board):
            return self._refusal(visitor, "There is nothing at this address.", 404)
        if not door.is_of(visitor, fields):
            words = "This form is not of your session: load the page again and repeat it."
            return self._refusal(visitor, words, 403)
        if not visitor.may(action.needs):
            words = f"This takes the role {action.needs}, and you are signed in as"
            return self._refusal(visitor, f"{words} {visitor.session.role}.", 403)
        return self._done(page, action, visitor, request, fields)

    def _done(
        self, page: Page, action: Action, visitor: Visitor, request: Request, fields: dict[str, str]
    ) -> Response:
        """Do it, and lead the person to where it is seen."""
        try:
            did = action.do(self._board, visitor, Form(request.path_params, fields))
        except NoSuchPage:
            return self._refusal(visitor, "There is nothing at this address.", 404)
        except FillAgain as again:
            return self._again(page, visitor, request, fields, again)
        except OpsError as error:
            return self._refusal(visitor, str(error), _status(error))
        words, then = did if isinstance(did, Done) else (did, fields.get("back", ""))
        log.info("%s: %s", visitor.name, words)
        answer = RedirectResponse(door.inside(then) or pages.ALL[0].path, 303)
        view.say_done(answer, words, secure=self._site.secure)
        return answer

    def _again(
        self,
        page: Page,
        visitor: Visitor,
        request: Request,
        fields: dict[str, str],
        again: FillAgain,
    ) -> Response:
        """Show the page again with what was typed and why; it may be gone meanwhile."""
        try:
            data = page.read(self._board, _asked(request.path_params, QueryParams()))
        except NoSuchPage:
            return self._refusal(visitor, "There is nothing at this address.", 404)
        except OpsError as error:
            return self._refusal(visitor, f"{again.words} {error}", _status(error))
        back, menu = door.inside(fields.get("back", "")), pages.menu(self._board, visitor)
        here, typed = back or page.path, (again, fields)
        return view.show(page, data, visitor, here=here, menu=menu, again=typed)

    async def events(self, request: Request) -> Response:
        """Stream the news of the page whose address is asked for."""
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                visitor = await run_in_threadpool(self._visitor, request)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return PlainTextResponse("the ledger does not answer", 503)
        if visitor is None:
            return PlainTextResponse("not signed in", 401)
        found = self._page_at(request.query_params.get("page", ""))
        if found is None or not visitor.may(found[0].needs):
            return PlainTextResponse("no such page", 404)
        if not self._stream.has_room(visitor.session.id):
            return PlainTextResponse("too many pages are open", 503)
        seen = request.query_params.get("seen", "")
        news = self._stream.news(*found, visitor.session.id, seen)
        return StreamingResponse(news, media_type="text/event-stream")

    async def nowhere(self, request: Request) -> Response:
        """Answer at every other address; a stranger is not told which there are."""
        return await in_time(lambda: self._nowhere(request))

    def _nowhere(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor is None:
            return sign_in.needed(self._board, self._site, "/")
        return self._refusal(visitor, "There is nothing at this address.", 404)

    def _visitor(self, request: Request) -> Visitor | None:
        return door.find_visitor(self._board, request.cookies.get(self._site.cookie))

    def _page_at(self, address: str) -> tuple[Page, Asked] | None:
        place = parted(address)
        if place is None:
            return None
        for pattern, page in self._paths:
            found = pattern.match(place.path)
            if found and page.has_news:
                return page, _asked(found.groupdict(), QueryParams(place.query))
        return None

    def _refusal(
        self, visitor: Visitor, words: str, status: int, *, title: str = "Nothing was done"
    ) -> Response:
        title = "Not here" if status == 404 else title
        return view.notice(
            title, words, status, visitor=visitor, menu=pages.menu(self._board, visitor)
        )


def _address(request: Request) -> str:
    """Return the whole address of a page, filters included."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _asked(places: Mapping[str, str], filters: QueryParams) -> Asked:
    # The ledger holds no NUL, and takes none in a question either.
    given = [(name, value.replace("\0", "")[:LONGEST_FILTER]) for name, value in filters.items()]
    kept = [(name, value) for name, value in given if value]
    return Asked(tuple(sorted(places.items())), tuple(sorted(kept[:MOST_FILTERS])))


def _status(error: OpsError) -> int:
    return 503 if isinstance(error, Unavailable) else 409
