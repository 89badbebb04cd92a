"""The whole sandbox as one application, with a status page that takes any JSON object."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route as Path

from cct_ops.sandbox.api import CctApi
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.control_api import ControlApi, unprocessable
from cct_ops.sandbox.fault_response import posted_object
from cct_ops.sandbox.github_api import GitHubApi
from cct_ops.sandbox.inputs import Dialect
from cct_ops.sandbox.slack_api import SlackApi
from cct_ops.sandbox.world import Sandbox

_KEPT = ("authorization", "idempotency-key", "content-type")


class StatusPageApi:
    """The endpoints ``/status-page`` and ``/_sandbox/status-page``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Path]:
        """List them."""
        return [
            Path("/_sandbox/status-page", self._list, methods=["GET"]),
            Path("/status-page", self._receive, methods=["POST"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse(self._sandbox.world.status_page)

    async def _receive(self, request: Request) -> Response:
        world, path = self._sandbox.world, request.url.path
        post = await posted_object(world, request, "no JSON object")
        if isinstance(post, Response):
            return post
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        world.status_page.append(
            {"at": iso(world.clock.now()), "path": path, "headers": headers, "body": post}
        )
        return JSONResponse({"id": len(world.status_page)}, 201)


DEFAULT_API_KEY = "sandbox-key"


def create_app(
    dialect: Dialect = "runbook",
    *,
    limits: bool = True,
    api_keys: frozenset[str] = frozenset({DEFAULT_API_KEY}),
) -> Starlette:
    """Build a sandbox with a world of its own."""
    sandbox = Sandbox(dialect, limits, api_keys)
    return Starlette(
        routes=[
            *ControlApi(sandbox).routes(),
            *GitHubApi(sandbox).routes(),
            *StatusPageApi(sandbox).routes(),
            *SlackApi(sandbox).routes(),
            Mount("/", app=CctApi(sandbox)),
        ],
        exception_handlers={ValidationError: unprocessable},
    )
