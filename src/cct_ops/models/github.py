"""GitHub's answers about a repository; unknown fields are ignored, missing ones are an error."""

from __future__ import annotations

from pydantic import AliasPath, AwareDatetime, BaseModel, ConfigDict, Field

from cct_ops.models.base import Frozen


class GitHubWire(BaseModel):
    """A body of GitHub's REST API: immutable, and it may grow."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class WorkflowRun(GitHubWire):
    """One run of a workflow; ``conclusion`` is None as long as it is not completed."""

    id: int
    head_sha: str
    event: str
    status: str
    conclusion: str | None
    created_at: AwareDatetime
    html_url: str

    @property
    def failed(self) -> bool:
        """True if it is over and did not succeed; cancelled and skipped ones do not count."""
        return self.conclusion in {"failure", "timed_out", "startup_failure"}

    @property
    def succeeded(self) -> bool:
        """True if it is over and did succeed."""
        return self.conclusion == "success"


class Job(GitHubWire):
    """One job of a workflow run."""

    id: int
    name: str
    conclusion: str | None


class Artifact(GitHubWire):
    """A file that a run left behind; the content of an expired one is gone."""

    id: int
    name: str
    size_in_bytes: int = Field(ge=0)
    expired: bool


class PullRequest(GitHubWire):
    """One pull request."""

    number: int
    title: str
    state: str
    html_url: str


class Issue(GitHubWire):
    """One issue; GitHub lists pull requests among them."""

    number: int
    title: str
    state: str
    html_url: str
    pull_request: dict[str, object] | None = None


class IssueText(GitHubWire):
    """One issue with its text, and by whom it was closed how, where GitHub says so."""

    number: int
    state: str
    html_url: str
    body: str | None = None
    state_reason: str | None = None
    closed_by: str | None = Field(None, validation_alias=AliasPath("closed_by", "login"))


class Commit(Frozen):
    """One commit: the first line of its message, and who wrote it."""

    sha: str
    subject: str
    author: str


class Comparison(Frozen):
    """The commits between two others, oldest first; ``total_commits`` counts all of them."""

    total_commits: int
    commits: tuple[Commit, ...]
    files: tuple[str, ...]


class RepositoryFile(Frozen):
    """A file at the head of a branch; ``sha`` names exactly this content."""

    path: str
    sha: str
    content: bytes = Field(repr=False)


class Mention(Frozen):
    """An open pull request with a comment that mentions what was searched for."""

    number: int
    title: str
    words: str
