"""Reads one repository on GitHub."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote

from pydantic import AliasPath, Field

from cct_ops.clients import archive
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.text import one_line, parse
from cct_ops.errors import ContractBroken, Rejected, Unsupported
from cct_ops.models.github import (
    Artifact,
    Commit,
    Comparison,
    GitHubWire,
    Issue,
    Job,
    Mention,
    PullRequest,
    RepositoryFile,
    WorkflowRun,
)

T = TypeVar("T")

ARTIFACT_BYTES = 20 * 1024 * 1024
LOG_BYTES = 50 * 1024 * 1024
LOG_TAIL_BYTES = 64 * 1024
WORDS_LIMIT = 160


class _Content(GitHubWire):
    sha: str
    content: str
    encoding: str


class _Comment(GitHubWire):
    body: str
    issue_url: str


class _Commit(GitHubWire):
    sha: str
    message: str = Field(validation_alias=AliasPath("commit", "message"))
    author: str = Field(validation_alias=AliasPath("commit", "author", "name"))


class _File(GitHubWire):
    filename: str


class _Comparison(GitHubWire):
    total_commits: int
    commits: tuple[_Commit, ...]
    files: tuple[_File, ...] = ()


class GitHubReader:
    """Reads one repository, one method per question, and cannot change anything."""

    def __init__(self, transport: GitHubTransport) -> None:
        self._transport = transport

    def workflow_runs(self, workflow: str, limit: int) -> tuple[WorkflowRun, ...]:
        """Read a workflow's latest runs, newest first; ``workflow`` is the name of its file."""
        path = f"actions/workflows/{quote(workflow, safe='')}/runs"
        try:
            return self._read(tuple[WorkflowRun, ...], path, "workflow_runs", per_page=limit)[
                :limit
            ]
        except Rejected as error:
            if error.status != 404:
                raise
            raise Unsupported(
                f"{self._transport.repository} has no workflow {workflow}, or GH_TOKEN may not"
                " read it: name the file below .github/workflows."
            ) from error

    def workflow_run(self, run_id: int) -> WorkflowRun:
        """Read one run."""
        return self._read(WorkflowRun, f"actions/runs/{run_id}")

    def artifact(self, run_id: int, name: str) -> Mapping[str, bytes] | None:
        """Read the files of a run's artifact; None if it left none of that name, or it is gone."""
        path = f"actions/runs/{run_id}/artifacts"
        known = self._read(tuple[Artifact, ...], path, "artifacts", per_page=100)
        found = next((a for a in known if a.name == name and not a.expired), None)
        if found is None:
            return None
        where = f"The artifact {name} of run {run_id}"
        if found.size_in_bytes > ARTIFACT_BYTES:
            raise Rejected(f"{where} is larger than {ARTIFACT_BYTES} bytes.")
        content = self._transport.download(f"actions/artifacts/{found.id}/zip", ARTIFACT_BYTES)
        return archive.files(content, ARTIFACT_BYTES, where)

    def log_tail(self, run_id: int, lines: int) -> tuple[str, ...]:
        """Read the last lines of the log of the run's failed job, else of its last job."""
        jobs = self._read(tuple[Job, ...], f"actions/runs/{run_id}/jobs", "jobs", per_page=100)
        if not jobs:
            return ()
        job = next((each for each in jobs if each.conclusion == "failure"), jobs[-1])
        end, complete = self._transport.tail(
            f"actions/jobs/{job.id}/logs", LOG_TAIL_BYTES, LOG_BYTES
        )
        found = [one_line(line) for line in end.decode("utf-8", errors="replace").splitlines()]
        cut = () if complete else (f"(the log goes on beyond {LOG_BYTES} bytes)",)
        return (*found[-lines:], *cut)

    def mentions(self, words: str) -> tuple[Mention, ...]:
        """Read which open pull requests have a comment with these words, in any case."""
        found: dict[int, str] = {}
        comments = self._pages(_Comment, "issues/comments", sort="updated", direction="desc")
        for comment in comments:
            number = comment.issue_url.rpartition("/")[2]
            if words.lower() in comment.body.lower() and number.isdecimal():
                found.setdefault(int(number), one_line(comment.body, WORDS_LIMIT))
        if not found:
            return ()
        return tuple(
            Mention(number=pull.number, title=one_line(pull.title), words=found[pull.number])
            for pull in self._pages(PullRequest, "pulls", state="open")
            if pull.number in found
        )

    def compare(self, base: str, head: str) -> Comparison:
        """Read what lies between two commits."""
        seen = self._read(_Comparison, f"compare/{quote(base)}...{quote(head)}")
        return Comparison(
            total_commits=seen.total_commits,
            commits=tuple(
                Commit(
                    sha=each.sha,
                    subject=one_line(each.message.partition("\n")[0], WORDS_LIMIT),
                    author=one_line(each.author),
                )
                for each in seen.commits
            ),
            files=tuple(one_line(each.filename) for each in seen.files),
        )

    def default_branch(self) -> str:
        """Read which branch pull requests go to."""
        return self._read(str, "", "default_branch")

    def head(self, branch: str) -> str | None:
        """Read the commit at the head of a branch; None if there is no such branch."""
        return self._find(str, f"git/ref/heads/{quote(branch)}", "object.sha")

    def file(self, path: str, ref: str | None = None) -> RepositoryFile | None:
        """Read a file at a branch or commit, else at the default branch; None if absent."""
        query = {"ref": ref} if ref else {}
        found = self._find(_Content, f"contents/{quote(path)}", **query)
        if found is None:
            return None
        if found.encoding != "base64":
            raise ContractBroken(f"GitHub sent {path} as {found.encoding}: it is too large.")
        try:
            content = base64.b64decode(found.content)
        except binascii.Error as exc:
            raise ContractBroken(f"GitHub's content of {path} is not base64.") from exc
        return RepositoryFile(path=path, sha=found.sha, content=content)

    def variable(self, name: str) -> str | None:
        """Read a repository variable; None if it is not set."""
        return self._find(str, f"actions/variables/{quote(name)}", "value")

    def open_pull_request(self, branch: str) -> PullRequest | None:
        """Read the open pull request of a branch of this repository."""
        owner = self._transport.repository.partition("/")[0]
        return next(self._pages(PullRequest, "pulls", state="open", head=f"{owner}:{branch}"), None)

    def issue(self, title: str) -> Issue | None:
        """Read the newest issue of exactly this title, open before closed ones."""
        for state in ("open", "closed"):
            for issue in self._pages(Issue, "issues", state=state, sort="created"):
                if issue.title == title and issue.pull_request is None:
                    return issue
        return None

    def _read(self, shape: type[T], path: str, within: str = "", **query: str | int) -> T:
        return parse(
            shape, self._transport.read(path, **query), f"GitHub's answer to GET {path}", within
        )

    def _find(self, shape: type[T], path: str, within: str = "", **query: str | int) -> T | None:
        """Read what may be absent; 404 means that it is, for the repository itself was found."""
        try:
            return self._read(shape, path, within, **query)
        except Rejected as error:
            if error.status == 404:
                return None
            raise

    def _pages(self, shape: type[T], path: str, **query: str | int) -> Iterator[T]:
        for page in self._transport.pages(path, **query):
            if not isinstance(page, list):
                raise ContractBroken(f"GitHub's answer to GET {path} is not a list.")
            yield from (parse(shape, item, f"GitHub's answer to GET {path}") for item in page)
