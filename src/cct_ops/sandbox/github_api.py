"""GitHub's REST endpoints, as far as the playbooks use them, below ``/github``."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router

from cct_ops.sandbox import github_changes
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Reply
from cct_ops.sandbox.fault_response import fault_response, never_respond
from cct_ops.sandbox.github_changes import missing
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.sandbox.github_store import (
    GitHub,
    Issue,
    Pull,
    blob_sha,
    issue_wire,
    pull_wire,
    zipped,
)
from cct_ops.sandbox.world import Sandbox

Answer = Callable[[GitHub, Request, Any], Response]


class GitHubApi:
    """The application below ``/github``, and its part of the control API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        """List everything that is served."""
        below = [
            Route(f"/repos/{{owner}}/{{name}}{path}", self._endpoint(answer), methods=[method])
            for method, path, answer in _TABLE
        ]
        return [
            Route("/_sandbox/github", self._seed, methods=["POST"]),
            Route("/_sandbox/github", self._state, methods=["GET"]),
            Mount("/github", app=Router(below, default=_no_such_place)),
        ]

    async def _seed(self, request: Request) -> Response:
        self._sandbox.world.github.plant(GitHubSeed.model_validate_json(await request.body()))
        return await self._state(request)

    async def _state(self, _: Request) -> Response:
        return JSONResponse(self._sandbox.world.github.state().model_dump(mode="json"))

    def _endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            world, write = self._sandbox.world, request.method != "GET"
            path = request.url.path
            effects, forced = await fault_response(world, request, write=write, wire=_injected)
            if forced is not None:
                return forced
            if not request.headers.get("authorization", "").startswith("Bearer "):
                return JSONResponse({"message": "Requires authentication"}, 401)
            given = request.path_params
            if f"{given['owner']}/{given['name']}" != world.github.seed.repository:
                return missing()
            body = await request.body()
            if write:
                world.github.writes.append(f"{request.method} {path.partition('/repos/')[2]}")
            reply = answer(world.github, request, json.loads(body) if body else {})
            return await never_respond(request) if effects.apply_then_hang else reply

        return endpoint


async def _no_such_place(scope: Any, receive: Any, send: Any) -> None:
    await missing()(scope, receive, send)


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
    if workflow not in {run.workflow for run in hub.runs.values()}:
        return missing()
    found = [run for run in hub.runs.values() if run.workflow == workflow]
    found.sort(key=lambda run: (hub.created[run.id], run.id), reverse=True)
    return _page(request, [hub.run_wire(run) for run in found], "workflow_runs")


def _run(hub: GitHub, request: Request, _: Any) -> Response:
    run = hub.runs.get(int(request.path_params["run"]))
    return JSONResponse(hub.run_wire(run)) if run else missing()


def _jobs(hub: GitHub, request: Request, _: Any) -> Response:
    run = hub.runs.get(int(request.path_params["run"]))
    if run is None:
        return missing()
    jobs = [{"id": run.id * 10, "name": "deploy", "conclusion": run.conclusion}]
    return _page(request, jobs, "jobs")


def _log(hub: GitHub, request: Request, _: Any) -> Response:
    run = hub.runs.get(int(request.path_params["job"]) // 10)
    return PlainTextResponse(run.log) if run else missing()


def _artifacts(hub: GitHub, request: Request, _: Any) -> Response:
    run = hub.runs.get(int(request.path_params["run"]))
    if run is None:
        return missing()
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
    number, index = divmod(int(request.path_params["artifact"]), 100)
    return Response(zipped(list(hub.runs[number].artifacts.values())[index]))


def _pulls(hub: GitHub, request: Request, _: Any) -> Response:
    wanted, head = request.query_params.get("state", "open"), request.query_params.get("head")
    found = [
        pull
        for pull in hub.pulls
        if pull.state == wanted and (head is None or head.partition(":")[2] == pull.head)
    ]
    return _page(request, [pull_wire(hub.seed.repository, pull) for pull in found])


def _issues(hub: GitHub, request: Request, _: Any) -> Response:
    wanted = request.query_params.get("state", "open")
    listed: list[Issue | Pull] = [*hub.issues, *hub.pulls]
    found = [each for each in listed if wanted in {each.state, "all"}]
    found.sort(key=lambda each: each.number, reverse=True)
    return _page(request, [issue_wire(hub.seed.repository, each) for each in found])


def _comments(hub: GitHub, request: Request, _: Any) -> Response:
    repository = hub.seed.repository
    listed = [
        {
            "body": comment,
            "issue_url": f"https://github.example/repos/{repository}/issues/{pull.number}",
            "updated_at": iso(hub.clock.now()),
        }
        for pull in hub.pulls
        for comment in pull.comments
    ]
    return _page(request, listed)


def _compare(hub: GitHub, request: Request, _: Any) -> Response:
    base, _dots, head = request.path_params["range"].partition("...")
    commits = hub.commits_between(base, head)
    if commits is None:
        return missing()
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
    branch = hub.branches.get(request.path_params["branch"])
    return JSONResponse({"object": {"sha": branch.sha}}) if branch else missing()


def _content(hub: GitHub, request: Request, _: Any) -> Response:
    ref = request.query_params.get("ref", hub.seed.default_branch)
    commits = {commit.sha for commit in hub.seed.commits}
    branch = hub.branches.get(hub.seed.default_branch if ref in commits else ref)
    path = request.path_params["path"]
    if branch is None or path not in branch.files:
        return missing()
    content = branch.files[path]
    return JSONResponse(
        {
            "path": path,
            "sha": blob_sha(content),
            "encoding": "base64",
            "content": base64.encodebytes(content).decode(),
        }
    )


def _deliveries(hub: GitHub, request: Request, _: Any) -> Response:
    hook = hub.hooks.get(int(request.path_params["hook"]))
    return missing() if hook is None else hook.page(request)


def _redeliver(hub: GitHub, request: Request, _: Any) -> Response:
    hook = hub.hooks.get(int(request.path_params["hook"]))
    return missing() if hook is None else hook.again(int(request.path_params["attempt"]))


def _variable(hub: GitHub, request: Request, _: Any) -> Response:
    name = request.path_params["variable"]
    if name not in hub.variables:
        return missing()
    return JSONResponse({"name": name, "value": hub.variables[name]})


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
    ("PATCH", "/pulls/{number:int}", github_changes.change_pull),
    ("GET", "/issues", _issues),
    ("POST", "/issues", github_changes.open_issue),
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
