"""The endpoints of GitHub that change the repository."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cct_ops.sandbox.github_store import (
    Branch,
    GitHub,
    Issue,
    Pull,
    blob_sha,
    issue_wire,
    pull_wire,
)

T = TypeVar("T", Issue, Pull)


def missing() -> Response:
    """Answer what is not there."""
    return JSONResponse({"message": "Not Found"}, 404)


def make_branch(hub: GitHub, _: Request, body: Any) -> Response:
    """Make a branch at a commit."""
    name = body["ref"].removeprefix("refs/heads/")
    if name in hub.branches:
        return JSONResponse({"message": "Reference already exists"}, 422)
    source = next(branch for branch in hub.branches.values() if branch.sha == body["sha"])
    hub.branches[name] = Branch(source.sha, dict(source.files))
    return JSONResponse({"ref": body["ref"]}, 201)


def drop_branch(hub: GitHub, request: Request, _: Any) -> Response:
    """Delete a branch."""
    if hub.branches.pop(request.path_params["branch"], None) is None:
        return JSONResponse({"message": "Reference does not exist"}, 422)
    return Response(status_code=204)


def put_content(hub: GitHub, request: Request, body: Any) -> Response:
    """Write a file, if its old content is the one that is known."""
    branch, path = hub.branches.get(body["branch"]), request.path_params["path"]
    if branch is None:
        return missing()
    known = branch.files.get(path)
    if known is not None and body.get("sha") != blob_sha(known):
        return JSONResponse({"message": f"{path} does not match {body.get('sha')}"}, 409)
    branch.files[path] = base64.b64decode(body["content"])
    branch.sha = blob_sha(branch.files[path])
    return JSONResponse({"content": {"path": path, "sha": blob_sha(branch.files[path])}}, 200)


def open_pull(hub: GitHub, _: Request, body: Any) -> Response:
    """Open a pull request."""
    if any(pull.head == body["head"] and pull.state == "open" for pull in hub.pulls):
        return JSONResponse({"message": "Validation Failed"}, 422)
    pull = hub.open_pull(body["title"], body["head"], body["body"])
    return JSONResponse(pull_wire(hub.seed.repository, pull), 201)


def change_pull(hub: GitHub, request: Request, body: Any) -> Response:
    """Close or reopen a pull request."""
    pull = _set_state(hub.pulls, request, body)
    return JSONResponse(pull_wire(hub.seed.repository, pull)) if pull else missing()


def open_issue(hub: GitHub, _: Request, body: Any) -> Response:
    """Open an issue."""
    issue = hub.open_issue(body["title"], body["body"])
    return JSONResponse(issue_wire(hub.seed.repository, issue), 201)


def change_issue(hub: GitHub, request: Request, body: Any) -> Response:
    """Close or reopen an issue."""
    issue = _set_state(hub.issues, request, body)
    return JSONResponse(issue_wire(hub.seed.repository, issue)) if issue else missing()


def _set_state(items: Sequence[T], request: Request, body: Any) -> T | None:
    number = int(request.path_params["number"])
    found = next((each for each in items if each.number == number), None)
    if found is not None:
        found.state = body["state"]
    return found


def make_variable(hub: GitHub, _: Request, body: Any) -> Response:
    """Set a variable that is not there."""
    if body["name"] in hub.variables:
        return JSONResponse({"message": "Already exists"}, 409)
    hub.variables[body["name"]] = body["value"]
    return JSONResponse({}, 201)


def change_variable(hub: GitHub, request: Request, body: Any) -> Response:
    """Change a variable."""
    name = request.path_params["variable"]
    if name not in hub.variables:
        return missing()
    hub.variables[name] = body["value"]
    return Response(status_code=204)


def drop_variable(hub: GitHub, request: Request, _: Any) -> Response:
    """Delete a variable."""
    if hub.variables.pop(request.path_params["variable"], None) is None:
        return missing()
    return Response(status_code=204)


def dispatch(hub: GitHub, request: Request, body: Any) -> Response:
    """Start a workflow."""
    workflow = request.path_params["workflow"]
    if workflow not in {run.workflow for run in hub.runs.values()}:
        return missing()
    if body["ref"] not in hub.branches:
        return JSONResponse({"message": f"No ref found for: {body['ref']}"}, 422)
    hub.start(workflow, body["ref"])
    return Response(status_code=204)
