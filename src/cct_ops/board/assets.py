"""The files that pages load, each at an address that holds its digest, so it is kept for ever."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_SHARED = {"timeline.css": ("cct_ops.record", "templates")}  # with the pages that open offline
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def address(name: str) -> str:
    """Return where the browser finds a file."""
    return f"/static/{_content(name)[1]}/{name}"


async def serve(request: Request) -> Response:
    """Answer with one file, whichever version of it was asked for."""
    name = request.path_params["name"]
    if name not in _names():
        return Response(status_code=404)
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(_content(name)[0], media_type=kind, headers=_FOR_EVER)


@lru_cache
def _names() -> frozenset[str]:
    own = {each.name for each in files("cct_ops.board").joinpath("static").iterdir()}
    return frozenset(own | set(_SHARED))


@lru_cache
def _content(name: str) -> tuple[bytes, str]:
    package, folder = _SHARED.get(name, ("cct_ops.board", "static"))
    content = files(package).joinpath(folder, name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]
