"""What the control API takes and gives about the repository on GitHub."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Immutable, and a typo must not pass as a no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SeededRun(Part):
    """A run of a workflow that is over; ``artifacts`` are files by name, by artifact name."""

    id: int
    workflow: str = "deploy.yml"
    conclusion: str | None = "success"
    head_sha: str = "c3"
    event: str = "push"
    minutes_ago: float = 0
    artifacts: dict[str, dict[str, str]] = {}
    log: str = ""


class SeededPull(Part):
    """An open pull request and the comments on it."""

    number: int
    title: str
    comments: tuple[str, ...] = ()


class SeededCommit(Part):
    """A commit on the default branch and the files that it changed."""

    sha: str
    message: str
    author: str = "Ada"
    files: tuple[str, ...] = ()


class SeededDelivery(Part):
    """One attempt of a webhook; two with the same ``guid`` are attempts at the same thing."""

    guid: str
    event: str = "check_run"
    body: str = "{}"
    status: int = 202
    minutes_ago: float = 0


class SeededHook(Part):
    """A webhook, and what it delivered or could not; second attempts are truly sent."""

    id: int = 1
    url: str = "http://127.0.0.1:9/"
    secret: str = ""
    deliveries: tuple[SeededDelivery, ...] = ()


class GitHubSeed(Part):
    """
    The repository as a test wants it; commits are oldest first, runs in any order.

    ``bot_closes_pulls`` and ``bot_closes_issues`` let somebody close every new one at once, and
    ``dispatched_conclusion`` is how a run ends that is started by dispatch (None: it goes on).
    """

    repository: str = "example/cct"
    default_branch: str = "main"
    files: dict[str, str] = {}
    commits: tuple[SeededCommit, ...] = Field(
        (SeededCommit(sha="c1", message="first"),), min_length=1
    )
    runs: tuple[SeededRun, ...] = ()
    pulls: tuple[SeededPull, ...] = ()
    variables: dict[str, str] = {}
    hooks: tuple[SeededHook, ...] = ()
    bot_closes_pulls: bool = False
    bot_closes_issues: bool = False
    dispatched_conclusion: str | None = "success"


class PullState(Part):
    """One pull request as it stands."""

    number: int
    title: str
    head: str
    body: str
    state: str


class IssueState(Part):
    """One issue as it stands."""

    number: int
    title: str
    body: str
    state: str


class GitHubState(Part):
    """The truth about the repository, and every change that was asked for, as method and path."""

    branches: dict[str, dict[str, str]]
    pulls: tuple[PullState, ...]
    issues: tuple[IssueState, ...]
    variables: dict[str, str]
    runs: tuple[int, ...]
    writes: tuple[str, ...]
