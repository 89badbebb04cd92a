"""The endpoints of GitHub that change the repository."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cct_ops.sandbox.github_store import Branch, GitHub, blob_sha, issue_wire, pull_wire

K = TypeVar("K")
V = TypeVar("V")


def found(known: Mapping[K, V], name: K) -> V:
    """Return what has this name, or answer as GitHub does for what is not there."""
    if name not in known:
        raise HTTPException(404)
    return known[name]


def make_branch(hub: GitHub, _: Request, body: Any) -> Response:
    """Make a branch at a commit."""
    name = body["ref"].removeprefix("refs/heads/")
    if name in hub.branches:
        raise HTTPException(422, "Reference already exists")
    source = next(branch for branch in hub.branches.values() if branch.sha == body["sha"])
    hub.branches[name] = Branch(source.sha, dict(source.files))
    return JSONResponse({"ref": body["ref"]}, 201)


def drop_branch(hub: GitHub, request: Request, _: Any) -> Response:
    """Delete a branch."""
    if hub.branches.pop(request.path_params["branch"], None) is None:
        raise HTTPException(422, "Reference does not exist")
    return Response(status_code=204)


def put_content(hub: GitHub, request: Request, body: Any) -> Response:
    """Write a file, if its old content is the one that is known."""
    branch, path = found(hub.branches, body["branch"]), request.path_params["path"]
    known = branch.files.get(path)
    if known is not None and body.get("sha") != blob_sha(known):
        raise HTTPException(409, f"{path} does not match {body.get('sha')}")
    branch.files[path] = base64.b64decode(body["content"])
    branch.sha = blob_sha(branch.files[path])
    return JSONResponse({"content": {"path": path, "sha": branch.sha}})


def open_pull(hub: GitHub, _: Request, body: Any) -> Response:
    """Open a pull request."""
    if any(each.head == body["head"] and each.state == "open" for each in hub.issues):
        raise HTTPException(422, "Validation Failed")
    pull = hub.open(body["title"], body["body"], body["head"])
    return JSONResponse(pull_wire(hub.seed.repository, pull), 201)


def open_issue(hub: GitHub, _: Request, body: Any) -> Response:
    """Open an issue."""
    issue = hub.open(body["title"], body["body"])
    return JSONResponse(issue_wire(hub.seed.repository, issue), 201)


def change_issue(hub: GitHub, request: Request, body: Any) -> Response:
    """Close, reopen or rewrite an issue, or a pull request, which is one too."""
    issue = found({each.number: each for each in hub.issues}, request.path_params["number"])
    for name in ("state", "title", "body", "state_reason"):
        if name in body:
            setattr(issue, name, body[name])
    return JSONResponse(issue_wire(hub.seed.repository, issue))


def make_variable(hub: GitHub, _: Request, body: Any) -> Response:
    """Set a variable that is not there."""
    if body["name"] in hub.variables:
        raise HTTPException(409, "Already exists")
    hub.variables[body["name"]] = body["value"]
    return JSONResponse({}, 201)


def change_variable(hub: GitHub, request: Request, body: Any) -> Response:
    """Change a variable."""
    name = request.path_params["variable"]
    found(hub.variables, name)
    hub.variables[name] = body["value"]
    return Response(status_code=204)


def drop_variable(hub: GitHub, request: Request, _: Any) -> Response:
    """Delete a variable."""
    name = request.path_params["variable"]
    found(hub.variables, name)
    del hub.variables[name]
    return Response(status_code=204)


def dispatch(hub: GitHub, request: Request, body: Any) -> Response:
    """Start a workflow."""
    workflow = request.path_params["workflow"]
    if workflow not in {run.workflow for run in hub.runs.values()}:
        raise HTTPException(404)
    if body["ref"] not in hub.branches:
        raise HTTPException(422, f"No ref found for: {body['ref']}")
    hub.start(workflow, body["ref"])
    return Response(status_code=204)
