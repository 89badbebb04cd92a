"""The worst answer of all."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response


async def unanswered(request: Request) -> Response:
    """Keep the client waiting until it gives up; the response is for nobody."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=499)
