"""What can be changed in a repository on GitHub."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import jsonpatch
from pydantic import ValidationError, validate_call

from cct_ops.clients.github import GitHubReader
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.operator import PermitChecker
from cct_ops.errors import NotPermitted, Rejected
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call, Scalar

# What a plan may name. A method that is not listed here cannot be reached through ``perform``.
CALLS = frozenset(
    {
        "propose_change",
        "withdraw_change",
        "set_variable",
        "delete_variable",
        "dispatch_workflow",
        "open_issue",
        "close_issue",
    }
)


class GitHubOperator:
    """
    Changes one repository, each call checked against its permit at the last moment.

    A call may take several requests; each of them finds what an earlier attempt left behind and
    goes on from there.
    """

    def __init__(self, permit: Permit, checker: PermitChecker, transport: GitHubTransport) -> None:
        self._permit = permit
        self._checker = checker
        self._transport = transport
        self._reader = GitHubReader(transport)

    def perform(self, call: Call) -> Any:
        """Carry out a call of a plan by the method that it names; its arguments are checked."""
        if call.method not in CALLS:
            raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")
        try:
            return validate_call(getattr(self, call.method))(**call.arguments)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise NotPermitted(f"Nothing was sent: {call} is not such a call: {problem}.") from None

    def propose_change(self, path: str, patch: str, base_sha: str, branch: str, title: str) -> None:
        """
        Open a pull request that changes one JSON file by a JSON Patch.

        ``base_sha`` is the content that the patch was made for; anything else is left alone.
        """
        base = self._reader.default_branch()
        known = self._reader.file(path, base)
        if known is None or known.sha != base_sha:
            raise NotPermitted(f"Nothing was sent: {path} changed on {base} since it was read.")
        changed = jsonpatch.apply_patch(json.loads(known.content), json.loads(patch))
        content = json.dumps(changed, indent=2, ensure_ascii=False) + "\n"
        head = self._reader.head(base)

        with self._allowed(
            "propose_change", path=path, patch=patch, base_sha=base_sha, branch=branch, title=title
        ):
            if self._reader.head(branch) is None:
                reference = {"ref": f"refs/heads/{branch}", "sha": head}
                self._transport.write("POST", "git/refs", reference)
            there = self._reader.file(path, branch)
            if there is None or there.content != content.encode():
                self._transport.write(
                    "PUT",
                    f"contents/{quote(path)}",
                    {
                        "message": title,
                        "content": base64.b64encode(content.encode()).decode(),
                        "sha": there.sha if there else None,
                        "branch": branch,
                    },
                )
            if self._reader.open_pull_request(branch) is None:
                pull = {"title": title, "head": branch, "base": base, "body": _explain(patch)}
                self._transport.write("POST", "pulls", pull)

    def withdraw_change(self, branch: str) -> None:
        """Close a branch's pull request and delete the branch; what is gone already is fine."""
        with self._allowed("withdraw_change", branch=branch):
            pull = self._reader.open_pull_request(branch)
            if pull is not None:
                self._transport.write("PATCH", f"pulls/{pull.number}", {"state": "closed"})
            if self._reader.head(branch) is not None:
                self._transport.write("DELETE", f"git/refs/heads/{quote(branch)}")

    def set_variable(self, name: str, value: str) -> None:
        """Set a repository variable, which workflows read as ``vars.NAME``."""
        known = self._reader.variable(name)
        with self._allowed("set_variable", name=name, value=value):
            body = {"name": name, "value": value}
            if known is None:
                self._transport.write("POST", "actions/variables", body)
            else:
                self._transport.write("PATCH", f"actions/variables/{quote(name)}", body)

    def delete_variable(self, name: str) -> None:
        """Remove a repository variable; one that is gone already is fine."""
        with self._allowed("delete_variable", name=name):
            try:
                self._transport.write("DELETE", f"actions/variables/{quote(name)}")
            except Rejected as error:
                if error.status != 404:
                    raise

    def dispatch_workflow(self, workflow: str, ref: str, after_run_id: int) -> None:
        """
        Start a workflow on a branch; the run that it makes has an id above ``after_run_id``.

        GitHub answers without saying which run that is.
        """
        with self._allowed(
            "dispatch_workflow", workflow=workflow, ref=ref, after_run_id=after_run_id
        ):
            path = f"actions/workflows/{quote(workflow, safe='')}/dispatches"
            self._transport.write("POST", path, {"ref": ref})

    def open_issue(self, title: str, body: str) -> None:
        """Open an issue; one of this title that was opened before is left as it is."""
        known = self._reader.issue(title)
        with self._allowed("open_issue", title=title, body=body):
            if known is None:
                self._transport.write("POST", "issues", {"title": title, "body": body})

    def close_issue(self, title: str) -> None:
        """Close the issue of this title as not planned; one that is closed already is fine."""
        known = self._reader.issue(title)
        with self._allowed("close_issue", title=title):
            if known is not None and known.state == "open":
                closed = {"state": "closed", "state_reason": "not_planned"}
                self._transport.write("PATCH", f"issues/{known.number}", closed)

    def _allowed(self, method: str, /, **arguments: Scalar) -> AbstractContextManager[None]:
        """Surround the requests of one call, if the permit allows exactly this call."""
        return self._checker.check(self._permit, Call(method=method, arguments=arguments))


def _explain(patch: str) -> str:
    """Say what the pull request changes; inside JSON nothing can close the fence."""
    shown = json.dumps(json.loads(patch), indent=2, ensure_ascii=True).replace("`", "\\u0060")
    return (
        "Proposed by the schema-validation playbook of cct-ops, after approval.\n\n"
        f"```json\n{shown}\n```\n"
    )
