"""Changes of CCT's repository at GitHub."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jsonpatch
from pydantic import TypeAdapter, ValidationError

from cct_ops.actions.action import GitHubAction, ReadBack, Request, gh
from cct_ops.errors import NotPermitted
from cct_ops.models.base import counted

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.github import GitHubReader

LATEST_RUNS = 20
_OPERATIONS = TypeAdapter(list[dict[str, Any]])


class ProposeChange(GitHubAction):
    """
    Open a pull request that changes one JSON file by a JSON Patch.

    ``base_sha`` is the content that the patch was made for; anything else is left alone.
    """

    blast_radius = "one branch and one pull request"
    leaves_parts = True

    path: str
    patch: str
    base_sha: str
    branch: str
    title: str

    def explained(self) -> tuple[str, ...]:
        """Return what is proposed, and each operation of the patch; nothing where it is none."""
        try:
            operations = _OPERATIONS.validate_json(self.patch)
        except ValidationError:
            return ()
        many = counted(len(operations), "change")
        words = f"Open a pull request with {many} of {self.path}, from the branch {self.branch}"
        return f"{words}: {self.title}", *map(_operation, operations)

    def requests(self, github: GitHubReader) -> Iterator[Request]:
        """Make the branch, the commit and the pull request, as far as they are not there."""
        base = github.default_branch()
        known = github.file(self.path, base)
        if known is None or known.sha != self.base_sha:
            raise NotPermitted(
                f"Nothing was sent: {self.path} changed on {base} since it was read."
            )
        changed = jsonpatch.apply_patch(json.loads(known.content), json.loads(self.patch))
        content = json.dumps(changed, indent=2, ensure_ascii=False) + "\n"
        return self._missing(github, base, github.head(base), content.encode())

    def _missing(
        self, github: GitHubReader, base: str, head: str | None, content: bytes
    ) -> Iterator[Request]:
        if github.head(self.branch) is None:
            reference = {"ref": f"refs/heads/{self.branch}", "sha": head}
            yield Request("POST", "git/refs", body=reference)
        there = github.file(self.path, self.branch)
        if there is None or there.content != content:
            commit = {
                "message": self.title,
                "content": base64.b64encode(content).decode(),
                "sha": there.sha if there else None,
                "branch": self.branch,
            }
            yield Request("PUT", f"contents/{quote(self.path)}", body=commit)
        if github.open_pull_request(self.branch) is None:
            pull = {"title": self.title, "head": self.branch, "base": base}
            yield Request("POST", "pulls", body=pull | {"body": _explained(self.patch)})

    def read_back(self, github: GitHubReader) -> ReadBack:
        """Look whether the branch has the change and an open pull request."""
        pull = github.open_pull_request(self.branch)
        if pull is None:
            return ReadBack(took_effect=False, seen=f"no open pull request of {self.branch}")
        file = github.file(self.path, self.branch)
        changed = file is not None and file.sha != self.base_sha
        words = f"{pull.html_url} {'changes' if changed else 'leaves'} {self.path}"
        return ReadBack(changed, words)

    def undo(self) -> WithdrawChange:
        return WithdrawChange(branch=self.branch)

    def by_hand(self) -> None:
        """No single command makes a pull request of a patch."""


class WithdrawChange(GitHubAction):
    """Close the branch's pull request and delete the branch; what is gone already is fine."""

    blast_radius = "the branch that propose_change made"

    branch: str

    def requests(self, github: GitHubReader) -> Iterator[Request]:
        pull = github.open_pull_request(self.branch)
        if pull is not None:
            yield Request("PATCH", f"pulls/{pull.number}", body={"state": "closed"})
        if github.head(self.branch) is not None:
            yield Request("DELETE", f"git/refs/heads/{quote(self.branch)}")

    def read_back(self, github: GitHubReader) -> ReadBack:
        branch = self.branch
        there = github.open_pull_request(branch) is not None or github.head(branch) is not None
        return ReadBack(not there, f"{branch} is {'still there' if there else 'gone'}")

    def undo(self) -> None:
        """Nothing does: propose it again."""

    def by_hand(self) -> str:
        return gh("pr", "close", self.branch, "--delete-branch")


class SetVariable(GitHubAction):
    """Set a repository variable, which workflows read as ``vars.NAME``."""

    blast_radius = "every workflow that reads it"

    name: str
    value: str

    @property
    def in_words(self) -> str:
        return f"{self.name} {self.value}"

    def requests(self, github: GitHubReader) -> Iterable[Request]:
        body = {"name": self.name, "value": self.value}
        if github.variable(self.name) is None:
            return [Request("POST", "actions/variables", body=body)]
        return [Request("PATCH", f"actions/variables/{quote(self.name)}", body=body)]

    def read_back(self, github: GitHubReader) -> ReadBack:
        seen = github.variable(self.name)
        return ReadBack(seen == self.value, f"{self.name} is {seen or 'not set'}")

    def undo(self, before: str | None) -> SetVariable | DeleteVariable:
        if before is None:
            return DeleteVariable(name=self.name)
        return SetVariable(name=self.name, value=before)

    def by_hand(self) -> str:
        return gh("variable", "set", self.name, f"--body={self.value}")


class DeleteVariable(GitHubAction):
    """Remove a repository variable; one that is gone already is fine."""

    blast_radius = "every workflow that reads it"

    name: str

    def requests(self, github: GitHubReader) -> Iterable[Request]:  # noqa: ARG002 -- nothing to read
        return [Request("DELETE", f"actions/variables/{quote(self.name)}", gone_is_fine=True)]

    def read_back(self, github: GitHubReader) -> ReadBack:
        seen = github.variable(self.name)
        return ReadBack(seen is None, f"{self.name} is {seen or 'not set'}")

    def undo(self, before: str) -> SetVariable:
        return SetVariable(name=self.name, value=before)

    def by_hand(self) -> str:
        return gh("variable", "delete", self.name)


class DispatchWorkflow(GitHubAction):
    """
    Start a workflow on a branch; the run that it makes has an id above ``after_run_id``.

    GitHub answers without saying which run that is.
    """

    blast_radius = "whatever the workflow does"
    idempotent = False

    workflow: str
    ref: str
    after_run_id: int

    def requests(self, github: GitHubReader) -> Iterable[Request]:  # noqa: ARG002 -- nothing to read
        path = f"actions/workflows/{quote(self.workflow, safe='')}/dispatches"
        return [Request("POST", path, body={"ref": self.ref})]

    def read_back(self, github: GitHubReader) -> ReadBack:
        """Look whether a dispatched run of the workflow is newer than the one that is named."""
        newer = [
            run
            for run in github.workflow_runs(self.workflow, LATEST_RUNS)
            if run.id > self.after_run_id and run.event == "workflow_dispatch"
        ]
        seen = f"run {newer[0].id} on {self.ref}" if newer else f"no new run of {self.workflow}"
        return ReadBack(bool(newer), seen)

    def undo(self) -> None:
        """Nothing does: what it deployed stays."""

    def by_hand(self) -> str:
        return gh("workflow", "run", self.workflow, f"--ref={self.ref}")


class OpenIssue(GitHubAction):
    """Open an issue; one of this title that was opened before is left as it is."""

    blast_radius = "who is told of new issues"

    title: str
    body: str

    def requests(self, github: GitHubReader) -> Iterable[Request]:
        if github.issue(self.title) is not None:
            return []
        return [Request("POST", "issues", body={"title": self.title, "body": self.body})]

    def read_back(self, github: GitHubReader) -> ReadBack:
        """Look whether an issue of this title is open, whatever people made of its text."""
        issue = github.issue(self.title)
        if issue is None:
            return ReadBack(took_effect=False, seen=f"no issue {self.title!r}")
        return ReadBack(issue.state == "open", f"{issue.html_url} is {issue.state}")

    def undo(self) -> CloseIssue:
        return CloseIssue(title=self.title)

    def by_hand(self) -> str:
        return gh("issue", "create", f"--title={self.title}", f"--body={self.body}")


class CloseIssue(GitHubAction):
    """Close the issue of this title as not planned; one that is closed already is fine."""

    blast_radius = "that issue"

    title: str

    def requests(self, github: GitHubReader) -> Iterable[Request]:
        known = github.issue(self.title)
        if known is None or known.state != "open":
            return []
        closed = {"state": "closed", "state_reason": "not_planned"}
        return [Request("PATCH", f"issues/{known.number}", body=closed)]

    def read_back(self, github: GitHubReader) -> ReadBack:
        """Look whether no issue of this title is open."""
        issue = github.issue(self.title)
        is_open = issue is not None and issue.state == "open"
        return ReadBack(not is_open, f"{self.title!r} is {'open' if is_open else 'not open'}")

    def undo(self) -> None:
        """Nothing does: people reopen it."""

    def by_hand(self) -> None:
        """No command takes a title: gh closes by number."""


def _operation(operation: Mapping[str, object]) -> str:
    words = [str(operation[name]) for name in ("op", "from", "path") if name in operation]
    if "value" in operation:
        words.append(json.dumps(operation["value"], ensure_ascii=False))
    return " ".join(words)


def _explained(patch: str) -> str:
    """Say what the pull request changes; inside JSON nothing can close the fence."""
    shown = json.dumps(json.loads(patch), indent=2, ensure_ascii=True).replace("`", "\\u0060")
    return (
        "Proposed by the schema-validation playbook of cct-ops, after approval.\n\n"
        f"```json\n{shown}\n```\n"
    )
