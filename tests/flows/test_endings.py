"""However a run ends: one outcome, which is the name of its state, one report and one story."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Cancelling, Pending

from cct_ops.ledger.people import pages
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Outcome, Resolution
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import seeds
from cct_ops.scenarios.every import EVERY
from tasks.connections import settings
from tasks.report import report_failure
from tests.conftest import ROOT
from tests.controller.running import Playbook
from tests.flows.deployment_run import deployment_run, flow_of
from tests.flows.run_assertions import final, known, report_of_run, run_id_of
from tests.flows.upkeep import ANYTHING, ended
from tests.plain import HTTP

TARGET: dict[str, Any] = {"target": Route.DAILY_SUMMARY}
# Every playbook that needs the admin API, and what it says is missing.
WITHOUT_ADMIN_API = {each.playbook: (each.parameters, each.bare) for each in EVERY if each.bare}
WITHOUT_GITHUB: dict[str, tuple[dict[str, Any], str]] = {
    "schema-validation": ({}, "GITHUB_REPOSITORY is not set"),
    "auto-rollback": ({**TARGET, "option": "redeploy"}, "deploying anew needs GitHub"),
}


def ran(playbook: str, **parameters: Any) -> State[Any]:
    """Run the playbook to its final state."""
    return final(flow_of(playbook), **parameters)


def accounted(engine: sa.Engine, state: State[Any], name: str, words: str) -> None:
    """State, record and report agree on how it ended and say why."""
    assert state.name == name, state.message
    assert words in (state.message or "")
    assert known(engine, state).outcome == name
    assert report_of_run(run_id_of(state)).startswith(f"# {name}: ")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the runs log; Prefect hands none of it on."""
    caplog.set_level(logging.INFO)
    loggers = [logging.getLogger(f"prefect.{kind}_runs") for kind in ("flow", "task")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield caplog
    for logger in loggers:
        logger.removeHandler(caplog.handler)


@pytest.fixture
def no_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GitHub is set up."""
    monkeypatch.delenv("GITHUB_REPOSITORY")
    monkeypatch.delenv("GH_TOKEN")
    settings.cache_clear()


@pytest.mark.parametrize("playbook", WITHOUT_ADMIN_API)
def test_what_this_cct_does_not_have_is_blocked_and_nobody_is_paged(
    playbook: str, sandbox: SandboxControl, engine: sa.Engine, log: pytest.LogCaptureFixture
) -> None:
    sandbox.reset(dialect="bare", limits=False)
    parameters, missing = WITHOUT_ADMIN_API[playbook]

    state = ran(playbook, **parameters, mode=Mode.AUTO)

    mended = "use a staging CCT"
    if "chaos" not in missing:
        missing, mended = f"This CCT has {missing}", "deploy CCT with its admin API"
    accounted(engine, state, "Blocked", missing)
    assert mended in (state.message or "")
    assert state.is_failed()
    assert sandbox.writes() == []
    assert pages.newest(engine, 10) == []
    assert "Traceback" not in log.text


def test_a_silent_cct_is_one_page_however_many_runs_it_ends(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.faults(Fault(path="/api/v1/", error_status=503))

    for playbook in ("exemption-cleanup", "exemption-failure"):
        accounted(engine, ran(playbook), "Failed", "503")

    (paged,) = pages.newest(engine, 10)
    assert "Slack alone reports others that end so" in paged.page.body
    heads = [each.body["text"] for each in sandbox.slack_messages()]
    assert heads == [
        ":rotating_light: Failed: exemption-cleanup",
        ":rotating_light: Failed: exemption-failure",
    ]


@pytest.mark.usefixtures("no_github")
@pytest.mark.parametrize("playbook", WITHOUT_GITHUB)
def test_without_github_what_needs_it_is_blocked_and_nobody_is_paged(
    playbook: str, sandbox: SandboxControl, engine: sa.Engine, log: pytest.LogCaptureFixture
) -> None:
    seeds.recovered_canary(sandbox)
    parameters, missing = WITHOUT_GITHUB[playbook]

    state = ran(playbook, **parameters)

    accounted(engine, state, "Blocked", missing)
    assert pages.newest(engine, 10) == []
    assert "Traceback" not in log.text


@pytest.mark.usefixtures("no_github")
def test_without_github_the_weekly_report_is_made_all_the_same(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.exemptions(seeds.OVERDUE)

    accounted(engine, ran("exemption-weekly-report"), "Recommended", "past their date")


def test_a_change_that_was_taken_back_ends_in_the_state_undone(
    sandbox: SandboxControl, engine: sa.Engine, log: pytest.LogCaptureFixture
) -> None:
    sandbox.exemptions(seeds.OVERDUE, seeds.SOON, seeds.LATER, hasty_days=10)

    state = ran("exemption-cleanup", mode=Mode.AUTO)

    accounted(engine, state, "Undone", "The change was undone.")
    assert ended(state) == ("Undone", "FAILED")
    assert "Traceback" not in log.text


def test_a_red_run_has_its_resolution_for_a_result(sandbox: SandboxControl) -> None:
    """Prefect would take it for an exception to raise, and fail at that with a TypeError."""
    sandbox.reset(dialect="bare", limits=False)

    resolution: Any = flow_of("exemption-cleanup")()

    assert isinstance(resolution, Resolution)
    assert resolution.outcome is Outcome.BLOCKED


def test_a_cct_that_does_not_answer_is_a_failure_and_pages(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CCT_URL", "http://127.0.0.1:9")
    settings.cache_clear()

    state = ran("exemption-weekly-report")

    accounted(engine, state, "Failed", "127.0.0.1:9")
    assert len(pages.newest(engine, 10)) == 1
    assert "No answer to probe_weekly_report: " in log.text
    assert "Traceback" not in log.text


def test_the_log_gives_the_story_in_sentences(
    sandbox: SandboxControl, log: pytest.LogCaptureFixture
) -> None:
    sandbox.exemptions(seeds.OVERDUE)

    ran("exemption-cleanup", mode=Mode.AUTO)

    said = [each.getMessage() for each in log.records if each.name.endswith("_runs")]
    said = list(dict.fromkeys(said))  # pytest may listen at the root as well
    parts = ["Seen", "Concluded", "Planned", "Decided", "Done", "Verified"]
    places = [next(i for i, line in enumerate(said) if line.startswith(part)) for part in parts]
    assert places == sorted(places)
    ends = [line for line in said if "Finished in state" in line]
    assert len(ends) == 1
    assert ends[0].startswith("Finished in state Resolved(")


@pytest.mark.parametrize(
    ("dialect", "name", "words", "red"),
    [
        ("bare", "Blocked", "no exemption management", False),
        ("handlers-only", "Unverified", "Either there are none or CCT lost its list", True),
    ],
)
def test_what_a_schedule_finds_again_and_cannot_help_is_reported_once(
    dialect: str, name: str, words: str, red: bool, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """And is red only where something may be wrong: what is not there at all never can be."""
    sandbox.reset(dialect="bare" if dialect == "bare" else "handlers-only", limits=False)

    first, second = scheduled("exemption-cleanup"), scheduled("exemption-cleanup")

    for state in (first, second):
        accounted(engine, state, name, words)
        assert state.is_failed() is red
    assert len([each for each in sandbox.slack_messages() if name in str(each)]) == 1
    assert pages.newest(engine, 10) == []


@pytest.mark.parametrize("state", [Cancelling(), Cancelled()], ids=str)
def test_what_a_person_cancels_before_it_changed_anything_pages_nobody(
    state: State[Any], sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """The hook is called in a process of its own, outside of the run."""
    with deployment_run(engine, "canary-issue", **TARGET) as waiting:
        report_failure(flow_of("canary-issue"), waiting.run(), state)

        assert waiting.record.outcome is Outcome.CANCELLED
        assert report_of_run(waiting.run_id).startswith("# Cancelled: ")
    assert pages.newest(engine, 10) == []


def test_the_process_of_a_red_run_ends_as_it_should_and_logs_no_error(
    sandbox: SandboxControl, engine: sa.Engine, prefect_api_url: str
) -> None:
    """As a worker of any type starts it: Prefect's engine by itself."""
    sandbox.reset(dialect="bare", limits=False)
    place = {"path": str(ROOT), "entrypoint": "flows/rate_limiting.py:rate_limiting"}
    deployment = Playbook(prefect_api_url, "rate-limiting").deploy(ANYTHING, **place)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(
            deployment, parameters={"target": "canaryManagement"}, state=Pending()
        )
        process = subprocess.run(
            [sys.executable, "-m", "prefect.engine", str(run.id)],
            cwd=ROOT,
            env={**os.environ, "PREFECT_API_URL": prefect_api_url},
            check=False,
            capture_output=True,
            text=True,
        )
        state = client.read_flow_run(run.id).state
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))

    assert state is not None
    accounted(engine, state, "Blocked", "no administration of rate limits")
    assert process.returncode == 0
    for text in (process.stderr, "\n".join(each.message for each in logs)):
        assert "Traceback" not in text
        assert "TypeError" not in text
        assert "Finished in state Completed()" not in text
    assert [each.message for each in logs if each.level >= logging.ERROR] == []


def scheduled(playbook: str) -> State[Any]:
    """Carry out the first run that the server made for a schedule; its later ones are not due."""
    api_url = PREFECT_API_URL.value()
    assert api_url is not None
    deployment = Playbook(api_url, playbook).deploy(ANYTHING, schedules=["* * * * *"])
    now = datetime.now(UTC)
    when = {"start_time": f"{now - timedelta(minutes=2)}", "end_time": f"{now}", "max_runs": 1}
    url = f"{api_url}/deployments/{deployment}/schedule"
    HTTP.post(url, json={**when, "min_runs": 1}).raise_for_status()
    with get_client(sync_client=True) as client:
        ours = DeploymentFilter.model_validate({"id": {"any_": [deployment]}})
        # Another test may have started runs of this deployment by hand.
        runs = [r for r in client.read_flow_runs(deployment_filter=ours) if r.auto_scheduled]
        run = min(runs, key=lambda each: each.expected_start_time or now)
        client.set_flow_run_state(run.id, Pending())
        run = client.read_flow_run(run.id)
        state: Any = run_flow(flow_of(playbook), flow_run=run, return_type="state")
    Playbook(api_url, playbook).delete(deployment)
    return cast("State[Any]", state)
