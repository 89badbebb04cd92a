"""
The board as JSON: for programs with a token, by the code that its pages have.

It is read into memory when the first program asks: most boards have people alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from cct_ops.board.page import Board

PATH = "/api"


def behind(board: Board) -> Mount:
    """Return the API as a part of the board."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        # Beside the loop, which has pages to serve meanwhile.
        made = await run_in_threadpool(_made, board)
        await made(scope, receive, send)

    return Mount(PATH, answer)


@lru_cache(maxsize=8)
def _made(board: Board) -> ASGIApp:
    from cct_ops.board.api.desk import create

    return create(board)
