"""The inputs and outputs of the control API about the repository on GitHub."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from cct_ops.sandbox.inputs import Strict


class SeededRun(Strict):
    """A run of a workflow that is over; ``artifacts`` are files by name, by artifact name."""

    id: int
    workflow: str = "deploy.yml"
    conclusion: str | None = "success"
    head_sha: str = "c3"
    event: str = "push"
    minutes_ago: float = 0
    artifacts: dict[str, dict[str, str]] = Field(default_factory=dict)
    log: str = ""


class SeededPull(Strict):
    """An open pull request and the comments on it."""

    number: int
    title: str
    comments: tuple[str, ...] = ()


class SeededCommit(Strict):
    """A commit on the default branch and the files that it changed."""

    sha: str
    message: str
    author: str = "Ada"
    files: tuple[str, ...] = ()


class SeededDelivery(Strict):
    """One attempt of a webhook; two with the same ``guid`` are attempts at the same thing."""

    guid: str
    event: str = "check_run"
    body: str = "{}"
    status: int = 202
    minutes_ago: float = 0


class SeededHook(Strict):
    """A webhook, and what it delivered or could not; second attempts are truly sent."""

    id: int = 1
    url: str = "http://127.0.0.1:9/"
    secret: str = ""
    deliveries: tuple[SeededDelivery, ...] = ()


class GitHubSeed(Strict):
    """
    The repository as a test wants it; commits are oldest first, runs in any order.

    ``bot_closes_pulls`` and ``bot_closes_issues`` let somebody close every new one at once, and
    ``dispatched_conclusion`` is how a run ends that is started by dispatch (None: it goes on).
    """

    repository: str = "example/cct"
    default_branch: str = "main"
    files: dict[str, str] = Field(default_factory=dict)
    commits: tuple[SeededCommit, ...] = Field(
        (SeededCommit(sha="c1", message="first"),), min_length=1
    )
    runs: tuple[SeededRun, ...] = ()
    pulls: tuple[SeededPull, ...] = ()
    variables: dict[str, str] = Field(default_factory=dict)
    hooks: tuple[SeededHook, ...] = ()
    bot_closes_pulls: bool = False
    bot_closes_issues: bool = False
    dispatched_conclusion: str | None = "success"


@dataclass
class Issue:
    """An issue, or a pull request: GitHub counts both together, and only the latter has a head."""

    number: int
    title: str
    body: str = ""
    state: str = "open"
    head: str = ""
    comments: tuple[str, ...] = ()
    state_reason: str | None = None


class GitHubState(Strict):
    """The truth about the repository, and every change that was asked for, as method and path."""

    branches: dict[str, dict[str, str]]
    pulls: tuple[Issue, ...]
    issues: tuple[Issue, ...]
    variables: dict[str, str]
    runs: tuple[int, ...]
    writes: tuple[str, ...]
