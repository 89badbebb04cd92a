"""The whole sandbox as one application."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.routing import Mount

from cct_ops.sandbox.api import CctApi
from cct_ops.sandbox.control_api import ControlApi, unprocessable
from cct_ops.sandbox.github_api import GitHubApi
from cct_ops.sandbox.inputs import Dialect
from cct_ops.sandbox.slack_api import SlackApi
from cct_ops.sandbox.status_page import StatusPageApi
from cct_ops.sandbox.world import Sandbox

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
