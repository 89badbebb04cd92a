"""The whole sandbox as one application, with a status page that takes any JSON object."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route as Path, request_response

from cct_ops.sandbox import api, control_api, github_api, slack_api, slack_presses
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.fault_response import posted_object
from cct_ops.sandbox.inputs import Dialect
from cct_ops.sandbox.world import Sandbox, world_of

_KEPT = ("authorization", "idempotency-key", "content-type")
DEFAULT_API_KEY = "sandbox-key"


async def status_page(request: Request) -> Response:
    """Take one post to the status page."""
    world, path = world_of(request), request.url.path
    post = await posted_object(request, "no JSON object")
    if isinstance(post, Response):
        return post
    headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
    at = iso(world.clock.now())
    world.status_page.append({"at": at, "path": path, "headers": headers, "body": post})
    return JSONResponse({"id": len(world.status_page)}, 201)


def create_app(
    dialect: Dialect = "runbook",
    *,
    limits: bool = True,
    api_keys: frozenset[str] = frozenset({DEFAULT_API_KEY}),
) -> Starlette:
    """Build a sandbox with a world of its own."""
    app = Starlette(
        routes=[
            *control_api.ROUTES,
            *github_api.ROUTES,
            *slack_presses.ROUTES,
            *slack_api.ROUTES,
            Path("/status-page", status_page, methods=["POST"]),
            Mount("/", app=request_response(api.respond)),
        ],
        exception_handlers={
            ValidationError: control_api.unprocessable,
            HTTPException: github_api.refused,
        },
    )
    app.state.sandbox = Sandbox(dialect, limits, api_keys)
    return app
