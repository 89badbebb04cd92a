"""GitHub's REST endpoints, as far as the playbooks use them, below ``/github``."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from cct_ops.sandbox import github_changes
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Reply
from cct_ops.sandbox.fault_response import fault_response, never_respond
from cct_ops.sandbox.github_changes import found
from cct_ops.sandbox.github_store import GitHub, blob_sha, issue_wire, pull_wire, zipped
from cct_ops.sandbox.world import world_of

Answer = Callable[[GitHub, Request, Any], Response]


def _endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        world, write, path = world_of(request), request.method != "GET", request.url.path
        effects, forced = await fault_response(request, write=write, wire=_injected)
        if forced is not None:
            return forced
        if not request.headers.get("authorization", "").startswith("Bearer "):
            raise HTTPException(401, "Requires authentication")
        given = request.path_params
        if f"{given['owner']}/{given['name']}" != world.github.seed.repository:
            raise HTTPException(404)
        body = await request.body()
        if write:
            world.github.writes.append(f"{request.method} {path.partition('/repos/')[2]}")
        reply = answer(world.github, request, json.loads(body) if body else {})
        return await never_respond(request) if effects.apply_then_hang else reply

    return endpoint


async def refused(_: Request, problem: Exception) -> Response:
    """Answer an error as GitHub does."""
    if not isinstance(problem, HTTPException):
        raise problem
    return JSONResponse({"message": problem.detail}, problem.status_code, problem.headers)


def _injected(failure: Reply) -> Response:
    return JSONResponse({"message": "Injected"}, failure.status, failure.headers)


def _page(request: Request, items: list[Any], key: str | None = None) -> Response:
    """Answer one page, with the next one in ``Link``."""
    size = min(int(request.query_params.get("per_page", 30)), 100)
    page = int(request.query_params.get("page", 1))
    shown = items[(page - 1) * size : page * size]
    body = {"total_count": len(items), key: shown} if key else shown
    more = page * size < len(items)
    following = request.url.include_query_params(page=page + 1)
    return JSONResponse(body, headers={"Link": f'<{following}>; rel="next"'} if more else {})


def _repository(hub: GitHub, _: Request, __: Any) -> Response:
    return JSONResponse(
        {"full_name": hub.seed.repository, "default_branch": hub.seed.default_branch}
    )


def _workflow_runs(hub: GitHub, request: Request, _: Any) -> Response:
    workflow = request.path_params["workflow"]
    listed = [run for run in hub.runs.values() if run.workflow == workflow]
    if not listed:
        raise HTTPException(404)
    listed.sort(key=lambda run: (hub.created[run.id], run.id), reverse=True)
    return _page(request, [hub.run_wire(run) for run in listed], "workflow_runs")


def _run(hub: GitHub, request: Request, _: Any) -> Response:
    return JSONResponse(hub.run_wire(found(hub.runs, request.path_params["run"])))


def _jobs(hub: GitHub, request: Request, _: Any) -> Response:
    run = found(hub.runs, request.path_params["run"])
    jobs = [{"id": run.id * 10, "name": "deploy", "conclusion": run.conclusion}]
    return _page(request, jobs, "jobs")


def _log(hub: GitHub, request: Request, _: Any) -> Response:
    return PlainTextResponse(found(hub.runs, request.path_params["job"] // 10).log)


def _artifacts(hub: GitHub, request: Request, _: Any) -> Response:
    run = found(hub.runs, request.path_params["run"])
    listed = [
        {
            "id": run.id * 100 + index,
            "name": name,
            "size_in_bytes": len(zipped(files)),
            "expired": False,
        }
        for index, (name, files) in enumerate(run.artifacts.items())
    ]
    return _page(request, listed, "artifacts")


def _artifact(hub: GitHub, request: Request, _: Any) -> Response:
    """GitHub keeps the content elsewhere and only points to it."""
    del hub
    return RedirectResponse(str(request.url).removesuffix("/zip") + "/blob", 302)


def _blob(hub: GitHub, request: Request, _: Any) -> Response:
    number, index = divmod(request.path_params["artifact"], 100)
    return Response(zipped(list(hub.runs[number].artifacts.values())[index]))


def _pulls(hub: GitHub, request: Request, _: Any) -> Response:
    wanted, head = request.query_params.get("state", "open"), request.query_params.get("head")
    listed = [
        each
        for each in hub.issues
        if each.head
        and each.state == wanted
        and (head is None or head.partition(":")[2] == each.head)
    ]
    return _page(request, [pull_wire(hub.seed.repository, pull) for pull in listed])


def _issues(hub: GitHub, request: Request, _: Any) -> Response:
    wanted = request.query_params.get("state", "open")
    listed = [each for each in hub.issues if wanted in {each.state, "all"}]
    listed.sort(key=lambda each: each.number, reverse=True)
    return _page(request, [issue_wire(hub.seed.repository, each) for each in listed])


def _issue(hub: GitHub, request: Request, _: Any) -> Response:
    """One issue, or nothing new about it, where the caller has what its tag names."""
    issue = found({each.number: each for each in hub.issues}, request.path_params["number"])
    reply = JSONResponse(issue_wire(hub.seed.repository, issue))
    tag = f'W/"{blob_sha(bytes(reply.body))}"'
    known = request.headers.get("if-none-match") == tag
    reply.headers["etag"] = tag
    return Response(status_code=304, headers={"etag": tag}) if known else reply


def _comments(hub: GitHub, request: Request, _: Any) -> Response:
    listed = [
        {
            "body": comment,
            "issue_url": f"https://github.example/repos/{hub.seed.repository}/issues/{each.number}",
            "updated_at": iso(hub.clock.now()),
        }
        for each in hub.issues
        for comment in each.comments
    ]
    return _page(request, listed)


def _compare(hub: GitHub, request: Request, _: Any) -> Response:
    base, _dots, head = request.path_params["range"].partition("...")
    commits = hub.commits_between(base, head)
    if commits is None:
        raise HTTPException(404)
    files = dict.fromkeys(path for commit in commits for path in commit.files)
    return JSONResponse(
        {
            "total_commits": len(commits),
            "commits": [
                {"sha": c.sha, "commit": {"message": c.message, "author": {"name": c.author}}}
                for c in commits
            ],
            "files": [{"filename": path} for path in files],
        }
    )


def _head(hub: GitHub, request: Request, _: Any) -> Response:
    return JSONResponse({"object": {"sha": found(hub.branches, request.path_params["branch"]).sha}})


def _content(hub: GitHub, request: Request, _: Any) -> Response:
    ref = request.query_params.get("ref", hub.seed.default_branch)
    commits = {commit.sha for commit in hub.seed.commits}
    branch = found(hub.branches, hub.seed.default_branch if ref in commits else ref)
    path = request.path_params["path"]
    content = found(branch.files, path)
    return JSONResponse(
        {
            "path": path,
            "sha": blob_sha(content),
            "encoding": "base64",
            "content": base64.encodebytes(content).decode(),
        }
    )


def _deliveries(hub: GitHub, request: Request, _: Any) -> Response:
    return found(hub.hooks, request.path_params["hook"]).page(request)


def _redeliver(hub: GitHub, request: Request, _: Any) -> Response:
    return found(hub.hooks, request.path_params["hook"]).again(request.path_params["attempt"])


def _variable(hub: GitHub, request: Request, _: Any) -> Response:
    name = request.path_params["variable"]
    return JSONResponse({"name": name, "value": found(hub.variables, name)})


_TABLE: list[tuple[str, str, Answer]] = [
    ("GET", "", _repository),
    ("GET", "/actions/workflows/{workflow}/runs", _workflow_runs),
    ("POST", "/actions/workflows/{workflow}/dispatches", github_changes.dispatch),
    ("GET", "/actions/runs/{run:int}", _run),
    ("GET", "/actions/runs/{run:int}/jobs", _jobs),
    ("GET", "/actions/runs/{run:int}/artifacts", _artifacts),
    ("GET", "/actions/jobs/{job:int}/logs", _log),
    ("GET", "/actions/artifacts/{artifact:int}/zip", _artifact),
    ("GET", "/actions/artifacts/{artifact:int}/blob", _blob),
    ("POST", "/actions/variables", github_changes.make_variable),
    ("GET", "/actions/variables/{variable}", _variable),
    ("PATCH", "/actions/variables/{variable}", github_changes.change_variable),
    ("DELETE", "/actions/variables/{variable}", github_changes.drop_variable),
    ("GET", "/pulls", _pulls),
    ("POST", "/pulls", github_changes.open_pull),
    ("PATCH", "/pulls/{number:int}", github_changes.change_issue),
    ("GET", "/issues", _issues),
    ("POST", "/issues", github_changes.open_issue),
    ("GET", "/issues/{number:int}", _issue),
    ("PATCH", "/issues/{number:int}", github_changes.change_issue),
    ("GET", "/issues/comments", _comments),
    ("GET", "/compare/{range:path}", _compare),
    ("GET", "/git/ref/heads/{branch:path}", _head),
    ("POST", "/git/refs", github_changes.make_branch),
    ("DELETE", "/git/refs/heads/{branch:path}", github_changes.drop_branch),
    ("GET", "/contents/{path:path}", _content),
    ("GET", "/hooks/{hook:int}/deliveries", _deliveries),
    ("POST", "/hooks/{hook:int}/deliveries/{attempt:int}/attempts", _redeliver),
    ("PUT", "/contents/{path:path}", github_changes.put_content),
]
ROUTES = [
    Mount(
        "/github",
        routes=[
            Route(f"/repos/{{owner}}/{{name}}{path}", _endpoint(answer), methods=[method])
            for method, path, answer in _TABLE
        ],
    )
]
