"""The repository behind the sandbox's GitHub: branches, runs, pull requests and variables."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.github_hooks import Hook
from cct_ops.sandbox.github_inputs import GitHubSeed, GitHubState, Issue, SeededCommit, SeededRun


@dataclass
class Branch:
    """A branch: the commit at its head, and its files."""

    sha: str
    files: dict[str, bytes]


class GitHub:
    """One repository, as its seed wants it, and what happens to it."""

    def __init__(self, clock: Clock, seed: GitHubSeed) -> None:
        self.clock = clock
        self.seed = seed
        files = {path: text.encode() for path, text in seed.files.items()}
        self.branches = {seed.default_branch: Branch(seed.commits[-1].sha, files)}
        self.issues = [
            Issue(each.number, each.title, head=f"topic-{each.number}", comments=each.comments)
            for each in seed.pulls
        ]
        self.variables = dict(seed.variables)
        self.hooks = {hook.id: Hook(clock, hook) for hook in seed.hooks}
        self.runs = {run.id: run for run in seed.runs}
        self.created = {run.id: clock.now() - run.minutes_ago * 60 for run in seed.runs}
        self.writes: list[str] = []

    def state(self) -> GitHubState:
        """Return the truth."""
        return GitHubState(
            branches={
                name: {path: content.decode() for path, content in branch.files.items()}
                for name, branch in self.branches.items()
            },
            pulls=tuple(each for each in self.issues if each.head),
            issues=tuple(each for each in self.issues if not each.head),
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

    def open(self, title: str, body: str, head: str = "") -> Issue:
        """Open an issue, or a pull request of this branch; a bot may close it at once."""
        closes = self.seed.bot_closes_pulls if head else self.seed.bot_closes_issues
        number = max((each.number for each in self.issues), default=0) + 1
        issue = Issue(number, title, body, "closed" if closes else "open", head)
        self.issues.append(issue)
        return issue

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


def wire(repository: str, issue: Issue) -> Json:
    """Render what issues and pull requests have in common."""
    place = "pull" if issue.head else "issues"
    return {
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "closed_by": {"login": "octocat"} if issue.state == "closed" else None,
        "html_url": f"https://github.example/{repository}/{place}/{issue.number}",
    }


def pull_wire(repository: str, pull: Issue) -> Json:
    """Render a pull request as GitHub does where it was asked for those."""
    return wire(repository, pull) | {"head": {"ref": pull.head}}


def issue_wire(repository: str, issue: Issue) -> Json:
    """Render an issue as GitHub does, which counts pull requests among them."""
    found = wire(repository, issue)
    return found | {"pull_request": {"html_url": found["html_url"]}} if issue.head else found
