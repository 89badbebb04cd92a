"""A playbook is started by one command, which says in a sentence what is wrong with what it got."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.cli import app
from cct_ops.commands import run as command
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import drains
from tests.controller.conftest import playbook
from tests.controller.crash_harness import api
from tests.controller.running import Playbook
from tests.ledger.alerts import opened

__all__ = ["playbook"]

SCHEMA: dict[str, object] = {
    "type": "object",
    "required": ["target"],
    "properties": {
        "target": {"$ref": "#/definitions/Route", "position": 0, "description": "The page."},
        "share": {"anyOf": [{"type": "integer", "maximum": 50}, {"type": "null"}], "position": 1},
        "limits": {"type": "object", "position": 2},
        "change_id": {"type": "string", "format": "uuid", "position": 3},
    },
    "definitions": {"Route": {"enum": ["/daily-summary", "/weekly-review"], "type": "string"}},
}


@pytest.fixture(autouse=True)
def here(on_ledger: None, prefect_api_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stack that commands find."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_api_url)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


def test_a_run_is_started_with_what_was_typed_and_said_where_it_is(
    engine: sa.Engine, playbook: Playbook, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers and objects as such; what it is for and who started it as tags; ids may be short."""
    playbook.deploy(SCHEMA)
    incident = opened(engine)
    typed = ["run", playbook.name, "--target", "/daily-summary", "--share", "20", "--limits", "{}"]

    assert app([*typed, "--incident", str(incident)[:8]], exit_on_error=False) == 0

    (run,) = playbook.runs()
    said = capsys.readouterr().out
    assert run["parameters"] == {"target": "/daily-summary", "share": 20, "limits": {}}
    assert f"incident:{incident}" in run["tags"]  # type: ignore[operator]
    assert any(tag.startswith("started-by:") for tag in run["tags"])  # type: ignore[attr-defined]
    assert f"Run {run['id']} of {playbook.name} was created." in said
    assert f"/v2/runs/flow-run/{run['id']}\n" in said


def test_while_the_installation_is_drained_it_says_that_the_run_waits(
    engine: sa.Engine, playbook: Playbook, capsys: pytest.CaptureFixture[str]
) -> None:
    """But not of what puts things back, which begins all the same."""
    drains.begin(engine, "release 42", "Ada")
    for tag in ("playbook", "upkeep"):
        playbook.deploy(SCHEMA, tags=[tag])
        app(f"run {playbook.name} --target /daily-summary", exit_on_error=False)

        said = capsys.readouterr().out
        assert ("Ada drained this installation (release 42)" in said) is (tag == "playbook")
        assert ("`cct-ops drain --end`" in said) is (tag == "playbook")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "--target is missing: The page"),
        ("--target /daily-sumary", "--target is one of .*did you mean /daily-summary"),
        ("--target /daily-summary --share 60", "--share: 60 is greater than the maximum of 50"),
        ("--target /daily-summary --share much", "--share takes a whole number, not 'much'"),
        ("--target /daily-summary --limits []", r"--limits: \[\] is not of type 'object'"),
        ("--target /daily-summary --limits (", "--limits takes an object"),
        ("--target /daily-summary --shar 3", "no parameter --shar: did you mean --share"),
        ("--target /daily-summary --change-id 12345678", "no temporary change 12345678"),
        ("--target /daily-summary --incident 12345678", "there is no incident 12345678"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_started(
    playbook: Playbook, typed: str, problem: str
) -> None:
    playbook.deploy(SCHEMA)

    with pytest.raises(BadConfiguration, match=problem):
        app(f"run {playbook.name} {typed}", exit_on_error=False)

    assert playbook.runs() == []


def test_a_misspelt_playbook_is_met_with_its_name(playbook: Playbook) -> None:
    playbook.deploy(SCHEMA)

    with pytest.raises(BadConfiguration, match=f"did you mean {playbook.name}"):
        app(f"run {playbook.name}x", exit_on_error=False)


@pytest.mark.parametrize("command", ["run auto-rollback", "prefect work-pool ls"])
def test_without_a_stack_it_is_said_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("PREFECT_API_URL")

    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(BadConfiguration, match="start one with `cct-ops up`"),
    ):
        app(command, exit_on_error=False)


@pytest.mark.parametrize(("kind", "code"), [("COMPLETED", 0), ("FAILED", 1)])
def test_who_waits_learns_how_it_ended(
    playbook: Playbook,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    code: int,
) -> None:
    playbook.deploy(SCHEMA)
    monkeypatch.setattr(command, "POLL_SECONDS", 0.05)

    def end() -> None:
        while not playbook.runs():
            pass
        (run,) = playbook.runs()
        state = {"type": kind, "name": "As it was", "message": "the reason"}
        api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})

    ending = threading.Thread(target=end)
    ending.start()
    assert app(f"run {playbook.name} --target /weekly-review --wait", exit_on_error=False) == code
    ending.join()

    assert "It ended: As it was: the reason" in capsys.readouterr().out


def test_a_run_that_left_nothing_in_the_ledger_is_shown_as_prefect_has_it(
    playbook: Playbook, capsys: pytest.CaptureFixture[str]
) -> None:
    playbook.deploy(SCHEMA)
    app(f"run {playbook.name} --target /weekly-review", exit_on_error=False)
    (run,) = playbook.runs()

    assert app(f"why {run['id']}", exit_on_error=False) == 0

    assert "has left nothing in the ledger" in capsys.readouterr().out


def test_an_unknown_run_is_no_story(engine: sa.Engine) -> None:
    with pytest.raises(BadConfiguration, match="there is no alert and no id"):
        app(f"why {uuid4()}", exit_on_error=False)
