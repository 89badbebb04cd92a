"""The repository behind the sandbox's GitHub: branches, runs, pull requests and variables."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.github_hooks import Hook
from cct_ops.sandbox.github_inputs import (
    GitHubSeed,
    GitHubState,
    IssueState,
    PullState,
    SeededCommit,
    SeededRun,
)


@dataclass
class Branch:
    """A branch: the commit at its head, and its files."""

    sha: str
    files: dict[str, bytes]


@dataclass
class Pull:
    """A pull request and the comments on it."""

    number: int
    title: str
    head: str
    body: str = ""
    state: str = "open"
    comments: tuple[str, ...] = ()


@dataclass
class Issue:
    """An issue, which is no pull request."""

    number: int
    title: str
    body: str
    state: str = "open"


@dataclass
class GitHub:
    """One repository, which a seed replaces as a whole."""

    clock: Clock
    seed: GitHubSeed = field(default_factory=GitHubSeed)
    branches: dict[str, Branch] = field(init=False)
    pulls: list[Pull] = field(init=False)
    issues: list[Issue] = field(init=False)
    variables: dict[str, str] = field(init=False)
    runs: dict[int, SeededRun] = field(init=False)
    hooks: dict[int, Hook] = field(init=False)
    writes: list[str] = field(init=False)
    created: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        self.plant(self.seed)

    def plant(self, seed: GitHubSeed) -> None:
        """Forget everything and start from this seed."""
        self.seed = seed
        files = {path: text.encode() for path, text in seed.files.items()}
        self.branches = {seed.default_branch: Branch(seed.commits[-1].sha, files)}
        self.pulls = [
            Pull(each.number, each.title, f"topic-{each.number}", comments=each.comments)
            for each in seed.pulls
        ]
        self.issues = []
        self.variables = dict(seed.variables)
        self.runs = {run.id: run for run in seed.runs}
        self.hooks = {hook.id: Hook(self.clock, hook) for hook in seed.hooks}
        now = self.clock.now()
        self.created = {run.id: now - run.minutes_ago * 60 for run in seed.runs}
        self.writes = []

    def state(self) -> GitHubState:
        """Return the truth."""
        return GitHubState(
            branches={
                name: {path: content.decode() for path, content in branch.files.items()}
                for name, branch in self.branches.items()
            },
            pulls=tuple(
                PullState.model_validate(pull, from_attributes=True) for pull in self.pulls
            ),
            issues=tuple(
                IssueState.model_validate(issue, from_attributes=True) for issue in self.issues
            ),
            variables=self.variables,
            runs=tuple(sorted(self.runs)),
            writes=tuple(self.writes),
        )

    def commits_between(self, base: str, head: str) -> list[SeededCommit] | None:
        """Return the commits after ``base`` up to ``head``; None if one of them is unknown."""
        order = [commit.sha for commit in self.seed.commits]
        if base not in order or head not in order:
            return None
        return list(self.seed.commits[order.index(base) + 1 : order.index(head) + 1])

    def open_pull(self, title: str, head: str, body: str) -> Pull:
        """Open a pull request; a bot may close it at once."""
        pull = Pull(self._next_number(), title, head, body)
        if self.seed.bot_closes_pulls:
            pull.state = "closed"
        self.pulls.append(pull)
        return pull

    def open_issue(self, title: str, body: str) -> Issue:
        """Open an issue; a bot may close it at once."""
        issue = Issue(self._next_number(), title, body)
        if self.seed.bot_closes_issues:
            issue.state = "closed"
        self.issues.append(issue)
        return issue

    def _next_number(self) -> int:
        """Number issues and pull requests together, as GitHub does."""
        taken = {pull.number for pull in self.pulls} | {issue.number for issue in self.issues}
        return max(taken, default=0) + 1

    def start(self, workflow: str, ref: str) -> None:
        """Start a workflow by dispatch."""
        number = max(self.runs, default=0) + 1
        self.runs[number] = SeededRun(
            id=number,
            workflow=workflow,
            conclusion=self.seed.dispatched_conclusion,
            head_sha=self.branches[ref].sha,
            event="workflow_dispatch",
        )
        self.created[number] = self.clock.now()

    def run_wire(self, run: SeededRun) -> Json:
        """Render a run as GitHub does."""
        return {
            "id": run.id,
            "name": run.workflow,
            "path": f".github/workflows/{run.workflow}",
            "head_sha": run.head_sha,
            "event": run.event,
            "status": "completed" if run.conclusion else "in_progress",
            "conclusion": run.conclusion,
            "created_at": iso(self.created[run.id]),
            "html_url": f"https://github.example/{self.seed.repository}/actions/runs/{run.id}",
        }


def blob_sha(content: bytes) -> str:
    """Name a content as git does."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()  # noqa: S324 -- git's


def zipped(files: dict[str, str]) -> bytes:
    """Pack an artifact."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def issue_wire(repository: str, issue: Issue | Pull) -> dict[str, Any]:
    """Render an issue as GitHub does, which counts pull requests among them."""
    wire = _wire(repository, issue)
    about = {"pull_request": {"html_url": wire["html_url"]}}
    return wire | (about if isinstance(issue, Pull) else {})


def pull_wire(repository: str, pull: Pull) -> dict[str, Any]:
    """Render a pull request as GitHub does."""
    return _wire(repository, pull) | {"head": {"ref": pull.head}}


def _wire(repository: str, item: Issue | Pull) -> dict[str, Any]:
    place = "pull" if isinstance(item, Pull) else "issues"
    return {
        "number": item.number,
        "title": item.title,
        "body": item.body,
        "state": item.state,
        "html_url": f"https://github.example/{repository}/{place}/{item.number}",
    }
