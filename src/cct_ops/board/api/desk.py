"""
Where programs are answered: who asks, what is asked, and the answer as JSON.

Nothing is done for a cookie: a browser sends those by itself, and no program has one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router, compile_path

from cct_ops.board.api import document, request as requests
from cct_ops.board.api.limits import Limits
from cct_ops.board.api.once import Once
from cct_ops.board.api.operation import Call, Operation
from cct_ops.board.api.operations import ALL, VERSION
from cct_ops.board.api.problem import Refusal
from cct_ops.board.api.refusals import REFUSED, RETRY_SECONDS, refusal_of
from cct_ops.board.page import Board, Visitor
from cct_ops.board.timely import LEDGER_SECONDS, in_time
from cct_ops.models.base import Frozen

_BY_READER = {"Cache-Control": "private, no-cache"}  # it may be kept, if it is asked for anew
_NOT_THERE = f"There is nothing at this address: `/api/{VERSION}/openapi.json` says what there is."

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def create(board: Board) -> Router:
    """Return the API, as it is mounted."""
    desk = Desk(board)
    routes = [
        Route(f"/{VERSION}{each.path}", desk.endpoint(each), methods=[each.method.upper()])
        for each in ALL
    ]
    described = Route(f"/{VERSION}/openapi.json", desk.described, methods=["GET"])
    nowhere = Route("/{rest:path}", desk.nowhere, methods=_METHODS)
    return Router([described, *routes, nowhere])


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]


class Desk:
    """The endpoints of the API."""

    def __init__(self, board: Board) -> None:
        self._board, self._limits, self._once = board, Limits(), Once(board.engine)
        there = [("/openapi.json", "GET"), *((each.path, each.method.upper()) for each in ALL)]
        self._paths = [(compile_path(f"/api/{VERSION}{path}")[0], verb) for path, verb in there]

    def endpoint(self, operation: Operation) -> Endpoint:
        """Return the endpoint of an operation."""

        async def answer(request: Request) -> Response:
            try:
                content = b"" if operation.method == "get" else await requests.read_content(request)
            except Refusal as refusal:
                return refusal.response()

            def work() -> Response:
                return _answered(lambda: self._do(operation, request, content))

            return await in_time(work, operation.seconds, late=_late)

        return answer

    async def described(self, request: Request) -> Response:
        """Answer with the description of the API, which a stranger is not told either."""

        def work() -> Response:
            requests.find_visitor(self._board, self._limits, request)
            return _read(request, _description())

        return await in_time(lambda: _answered(work), LEDGER_SECONDS, late=_late)

    async def nowhere(self, request: Request) -> Response:
        """Answer at every other address; a stranger is not told which there are."""

        def work() -> Response:
            requests.find_visitor(self._board, self._limits, request)
            allowed = {verb for path, verb in self._paths if path.match(request.url.path)}
            if not allowed:
                raise Refusal(404, _NOT_THERE)
            allow = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
            raise Refusal(405, f"This takes {allow}.", headers={"Allow": allow})

        return await in_time(lambda: _answered(work), LEDGER_SECONDS, late=_late)

    def _do(self, operation: Operation, request: Request, content: bytes) -> Response:
        visitor = requests.find_visitor(self._board, self._limits, request)
        _permitted(operation, visitor)
        reads = operation.method == "get"
        key = None if reads else requests.read_key(request)
        call = Call(
            board=self._board,
            visitor=visitor if reads else requests.on_behalf(visitor, request),
            places=request.path_params,
            query=requests.read_query(operation, request),
            body=None if reads else requests.read_json(operation, request, content),
            key=key,
        )
        if reads:
            return _read(request, _json(operation.do(call)))
        return self._written(operation, call, request.url.path, content)

    def _written(self, operation: Operation, call: Call, path: str, content: bytes) -> Response:
        def act() -> str:
            answer = operation.do(call)
            log.info("%s: %s", call.visitor.name, getattr(answer, "done", operation.name))
            return _json(answer)

        if call.key is None:
            return _plain(act(), 200)
        asked = hashlib.sha256(f"{path} {call.visitor.name}\n".encode() + content).hexdigest()
        return self._once.done(call.visitor.session.id, call.key, asked, act)


def _permitted(operation: Operation, visitor: Visitor) -> None:
    if not visitor.may(operation.needs):
        has = visitor.session.role
        raise Refusal(
            403, f"This takes a token of the role {operation.needs}, and this one's is {has}."
        )


def _answered(work: Callable[[], Response]) -> Response:
    """Return what work returns, or the problem that kept it from it."""
    try:
        return work()
    except REFUSED as error:
        return refusal_of(error).response()


def _late(why: str) -> Response:
    again = "Ask again to see where things stand."
    return Refusal(503, f"{why} {again}", headers={"Retry-After": RETRY_SECONDS}).response()


def _read(request: Request, text: str) -> Response:
    """Answer with what was read, or with 304 where the program has it already."""
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {**_BY_READER, "ETag": tag}
    had = [
        each.strip().removeprefix("W/")
        for each in request.headers.get("if-none-match", "").split(",")
    ]
    return Response(status_code=304, headers=headers) if tag in had else _plain(text, 200, headers)


def _plain(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, media_type="application/json", headers=headers)


def _json(answer: Frozen) -> str:
    return json.dumps(answer.model_dump(), default=_in_json, separators=(",", ":"))


def _in_json(value: object) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time() | UUID():
            return str(value)
        case Enum():
            return value.value
        case _:
            return list(value)  # type: ignore[call-overload]  # whatever else a model holds


@lru_cache(maxsize=1)
def _description() -> str:
    return json.dumps(document.made(), separators=(",", ":"))
