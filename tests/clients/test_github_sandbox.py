"""The clients of GitHub against the sandbox's repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from cct_ops.actions.operator import GitHubOperator
from cct_ops.clients.github import GitHubReader
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.errors import NotPermitted
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededCommit, SeededPull, SeededRun
from tests.clients.parts import RecordingChecker, permit

SEED = GitHubSeed(
    files={"data.json": '{"a": 1}'},
    commits=(
        SeededCommit(sha="c1", message="one"),
        SeededCommit(sha="c2", message="two\n\nmore", files=("src/a.ts", "data.json")),
        SeededCommit(sha="c3", message="three", author="Bo", files=("src/a.ts",)),
    ),
    runs=(
        SeededRun(id=7, head_sha="c1", minutes_ago=60),
        SeededRun(
            id=8,
            conclusion="failure",
            artifacts={"report": {"report.json": "{}"}},
            log="\n".join(f"line {n}" for n in range(50)),
        ),
    ),
    pulls=(
        SeededPull(number=3, title="Add coverage", comments=("fine", "Schema Validation failed")),
        SeededPull(number=4, title="Other", comments=("hello",) * 120),
    ),
    variables={"MODE": "strict"},
)


@pytest.fixture
def transport(sandbox: SandboxControl) -> Iterator[GitHubTransport]:
    """A transport to the seeded repository."""
    sandbox.seed_github(SEED)
    url = f"{sandbox.base_url}/github"
    with GitHubTransport(url, "example/cct", SecretStr("t")) as connected:
        yield connected


@pytest.fixture
def reader(transport: GitHubTransport) -> GitHubReader:
    """A reader of it."""
    return GitHubReader(transport)


def perform(
    transport: GitHubTransport, method: str, checker: RecordingChecker | None = None, **given: Any
) -> None:
    """Carry out one call, permitted unless the checker says otherwise."""
    call = Call(method=method, arguments=given)
    GitHubOperator(permit(call), checker or RecordingChecker(), transport).perform(call)


def test_runs_come_newest_first(reader: GitHubReader) -> None:
    runs = reader.workflow_runs("deploy.yml", 10)

    assert [(run.id, run.failed) for run in runs] == [(8, True), (7, False)]
    assert reader.workflow_runs("deploy.yml", 1) == runs[:1]


def test_an_artifact_is_its_files_and_none_if_it_is_not_there(reader: GitHubReader) -> None:
    assert reader.artifact(8, "report") == {"report.json": b"{}"}
    assert reader.artifact(7, "report") is None


def test_the_end_of_a_log(reader: GitHubReader) -> None:
    assert reader.log_tail(8, 2) == ("line 48", "line 49")


def test_mentions_are_found_over_all_pages(reader: GitHubReader) -> None:
    """The second pull request alone has more comments than one page."""
    assert [found.number for found in reader.mentions("schema validation")] == [3]
    assert [found.number for found in reader.mentions("HELLO")] == [4]
    assert reader.mentions("something else") == ()


def test_what_lies_between_two_commits(reader: GitHubReader) -> None:
    between = reader.compare("c1", "c3")

    assert [(each.subject, each.author) for each in between.commits] == [
        ("two", "Ada"),
        ("three", "Bo"),
    ]
    assert between.files == ("src/a.ts", "data.json")


def test_what_is_not_there_is_none(reader: GitHubReader) -> None:
    assert reader.file("missing.json") is None
    assert reader.variable("MISSING") is None
    assert reader.head("missing") is None


def propose(transport: GitHubTransport, checker: RecordingChecker | None = None) -> None:
    known = GitHubReader(transport).file("data.json")
    assert known is not None
    patch = json.dumps([{"op": "add", "path": "/b", "value": 2}])
    perform(
        transport,
        "propose_change",
        checker,
        path="data.json",
        patch=patch,
        base_sha=known.sha,
        branch="cct-ops/x",
        title="Add b",
    )


def test_a_change_is_proposed_on_a_branch_of_its_own(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    propose(transport)

    state = sandbox.github()
    assert json.loads(state.branches["cct-ops/x"]["data.json"]) == {"a": 1, "b": 2}
    assert json.loads(state.branches["main"]["data.json"]) == {"a": 1}
    assert [(pull.title, pull.head) for pull in state.pulls if pull.number > 4] == [
        ("Add b", "cct-ops/x")
    ]


def test_proposing_the_same_again_changes_nothing(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    propose(transport)
    before = sandbox.github()

    propose(transport)

    assert sandbox.github() == before


def test_a_withdrawn_change_leaves_nothing_behind(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    propose(transport)

    for _ in range(2):
        perform(transport, "withdraw_change", branch="cct-ops/x")

    state = sandbox.github()
    assert list(state.branches) == ["main"]
    assert [pull.state for pull in state.pulls if pull.number > 4] == ["closed"]


def test_a_file_that_changed_since_is_left_alone(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    given: dict[str, Any] = {"path": "data.json", "patch": "[]", "base_sha": "0" * 40}

    with pytest.raises(NotPermitted, match=r"data\.json changed on main"):
        perform(transport, "propose_change", branch="b", title="t", **given)

    assert sandbox.github().writes == ()


def test_a_variable_is_made_changed_and_removed(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    perform(transport, "set_variable", name="MODE", value="warn")
    perform(transport, "set_variable", name="NEW", value="1")
    assert sandbox.github().variables == {"MODE": "warn", "NEW": "1"}

    for _ in range(2):
        perform(transport, "delete_variable", name="NEW")
    assert sandbox.github().variables == {"MODE": "warn"}


def test_a_dispatched_workflow_makes_a_newer_run(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    perform(transport, "dispatch_workflow", workflow="deploy.yml", ref="main", after_run_id=8)

    assert sandbox.github().runs == (7, 8, 9)


def test_an_issue_is_opened_once_and_closed(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    """A pull request of the same title is none, and a closed one is not opened anew."""
    for _ in range(2):
        perform(transport, "open_issue", title="Other", body="b")
    assert [(each.number, each.state) for each in sandbox.github().issues] == [(5, "open")]

    for _ in range(2):
        perform(transport, "close_issue", title="Other")
    perform(transport, "open_issue", title="Other", body="b")
    assert [(each.number, each.state) for each in sandbox.github().issues] == [(5, "closed")]


def test_without_a_permit_nothing_leaves(
    transport: GitHubTransport, sandbox: SandboxControl
) -> None:
    refuses = RecordingChecker(refuses=True)

    with pytest.raises(NotPermitted):
        propose(transport, refuses)
    with pytest.raises(NotPermitted):
        perform(transport, "set_variable", refuses, name="MODE", value="warn")
    with pytest.raises(NotPermitted):
        perform(transport, "delete_variable", refuses, name="MODE")
    with pytest.raises(NotPermitted):
        perform(transport, "withdraw_change", refuses, branch="main")
    with pytest.raises(NotPermitted):
        perform(transport, "open_issue", refuses, title="t", body="b")

    assert sandbox.github().writes == ()


@pytest.mark.parametrize("method", ["perform", "_allowed", "nonsense"])
def test_what_is_no_call_is_not_sent(transport: GitHubTransport, method: str) -> None:
    with pytest.raises(NotPermitted, match="knows no call"):
        perform(transport, method)
