"""The issues in which follow-ups stand on GitHub: made, found again, rewritten and closed."""

from __future__ import annotations

from datetime import UTC, datetime

from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.text import parse
from cct_ops.errors import ContractBroken
from cct_ops.models.github import IssueText


class IssueTracker:
    """The issues of one repository that bear a mark of ours."""

    def __init__(self, transport: GitHubTransport) -> None:
        self._transport = transport

    def find(self, mark: str, since: datetime) -> IssueText | None:
        """Read the oldest issue, open or closed, that was touched since then and bears the mark."""
        touched = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        found = []
        for page in self._transport.pages("issues", state="all", since=touched):
            if not isinstance(page, list):
                raise ContractBroken("GitHub's answer to GET issues is not a list.")
            issues = (_issue(each, "GET issues") for each in page)
            found += [issue for issue in issues if mark in (issue.body or "")]
        return min(found, key=lambda issue: issue.number, default=None)

    def open(self, title: str, body: str) -> IssueText:
        """Make one."""
        answer = self._transport.write("POST", "issues", {"title": title, "body": body})
        return _issue(answer, "POST issues")

    def rewrite(self, number: int, title: str, body: str) -> None:
        """Let it say something else."""
        self._transport.write("PATCH", f"issues/{number}", {"title": title, "body": body})

    def close(self, number: int, *, done: bool) -> None:
        """Close it; one that is closed already is fine."""
        why = "completed" if done else "not_planned"
        closed = {"state": "closed", "state_reason": why}
        self._transport.write("PATCH", f"issues/{number}", closed)

    def read_if_changed(
        self, number: int, known: str | None
    ) -> tuple[IssueText, str | None] | None:
        """Read it and its tag; None where it is still what the tag names, which costs no quota."""
        path = f"issues/{number}"
        answer = self._transport.read_if_changed(path, known)
        return None if answer is None else (_issue(answer[0], f"GET {path}"), answer[1])


def _issue(answer: object, request: str) -> IssueText:
    return parse(IssueText, answer, f"GitHub's answer to {request}")
