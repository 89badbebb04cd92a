"""Several playbooks at once through approvals by signed link, as people on call give them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelling

from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.tables import answers, approvals
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.models.change import ChangeState
from cct_ops.models.run import Outcome
from cct_ops.models.verification import Verdict
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun
from cct_ops.sandbox.inputs import SeedExemption
from cct_ops.scenarios.seeds import SCHEMA, summary
from tests.conftest import ROOT
from tests.end_to_end.conftest import Stack, changes_on
from tests.end_to_end.killing import kill
from tests.people.notifier import threads
from tests.plain import HTTP
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack and eight processes on a busy machine

PEOPLE = ("on-call", "lead")
# A request's links end with it, and on a busy machine more is slow than in the stack's own time.
PATIENCE = {"CCT_OPS_APPROVAL_MINUTES": "60"}
CANARY = "canaryManagement"
RUNS: dict[str, dict[str, object]] = {
    "rate-limiting": {"target": CANARY, "fix": "raise", "lasts_minutes": 30},
    "exemption-failure": {"fix": "revalidate"},
    "schema-validation": {"fix": "bypass", "minutes": 30},
    "auto-rollback": {
        "target": Route.WEEKLY_REVIEW.value,
        "option": "raise-thresholds",
        "error_rate_percent": 9,
        "minutes": 30,
    },
}


@dataclass(frozen=True)
class Ended:
    """What the runs came to."""

    stack: Stack
    runs: dict[str, UUID]
    links: set[str]

    def state(self, playbook: str) -> State[object]:
        """The run's final state."""
        return self.stack.state(self.runs[playbook])

    def answers(self, playbook: str) -> list[tuple[str, str]]:
        """Who said yes, and how."""
        with self.stack.engine.connect() as connection:
            rows = connection.execute(
                sa.select(answers.c.approver_id, answers.c.way)
                .join(approvals, approvals.c.id == answers.c.approval_id)
                .where(approvals.c.run_id == self.runs[playbook], answers.c.approved)
            )
            return sorted((str(row.approver_id), str(row.way)) for row in rows)


@pytest.fixture(scope="module")
def ended(stack: Stack) -> Ended:
    """Four faults, one playbook for each, all asked for in approve mode and all approved."""
    sandbox = stack.sandbox
    sandbox.reset(limits=False)
    sandbox.demand("ann", 60, refusals=5)
    sandbox.exemptions(SeedExemption(jira_reference="OPS-1"), count_drift=3)
    own = json.dumps(summary() | {"coverage": 81})
    files = {"test-summary-schema.json": json.dumps(SCHEMA), "test-summary.json": own}
    failed = SeededRun(id=8, conclusion="failure")
    sandbox.seed_github(GitHubSeed(files=files, runs=(failed,)))
    sandbox.roll_back(
        Route.WEEKLY_REVIEW, "error_rate_percent", observed=7, threshold=5, minutes_ago=10
    )
    runs = {
        name: stack.start(name, PATIENCE, mode="approve", **parameters)
        for name, parameters in RUNS.items()
    }
    seen: set[str] = set()

    def all_ended() -> bool:
        say_yes(stack, seen)
        return all(stack.state(run_id).is_final() for run_id in runs.values())

    eventually(all_ended, seconds=180)
    return Ended(stack, runs, seen)


def say_yes(stack: Stack, seen: set[str]) -> None:
    """Let everybody who was sent a new link read the plan and approve it."""
    for message in stack.sandbox.slack_messages():
        if message.path.rpartition("/")[2] not in PEOPLE:
            continue
        for link in re.findall(r"<(\S+/approvals/[^|\s]+)\|", json.dumps(message.body)):
            if link in seen:
                continue
            page = f"{stack.gateway}{urlsplit(link).path}"
            answer = HTTP.get(page)
            digest = re.search(r'name="digest" value="(\w+)"', answer.text)
            if digest is not None:
                form = {"decision": "approve", "digest": digest[1], "note": "Go."}
                answer = HTTP.post(page, data=form)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:  # which says: not now
                seen.add(link)


@pytest.mark.parametrize("playbook", list(RUNS))
def test_a_yes_lets_the_playbook_do_its_work(ended: Ended, playbook: str) -> None:
    state = ended.state(playbook)

    assert (state.name, state.is_completed()) == ("Resolved", True), state.message


@pytest.mark.parametrize("playbook", list(RUNS))
def test_what_cannot_be_taken_back_takes_two_persons(ended: Ended, playbook: str) -> None:
    given = ended.answers(playbook)

    both = playbook == "exemption-failure"
    assert len(given) == (2 if both else 1)
    assert {way for _, way in given} == {"link"}
    assert {person for person, _ in given} <= set(PEOPLE)


def test_each_change_is_there(ended: Ended) -> None:
    state = ended.stack.sandbox.state()

    assert state.rate_limits.limits[CANARY].max_requests == 80  # of 60, and a quarter
    assert state.exemptions.count_drift == 0
    assert ended.stack.sandbox.github().variables == {"SCHEMA_VALIDATION_MODE": "warn"}
    assert state.slo_thresholds["error_rate_percent"] == 9


def test_the_temporary_ones_are_listed_with_what_was_before(ended: Ended) -> None:
    listed = subprocess.run(
        [Path(sys.executable).with_name("cct-ops"), "changes"],
        cwd=ROOT,
        env=os.environ | ended.stack.env | {"COLUMNS": "400"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    for change in ("set_rate_limit", "set_variable", "set_slo_thresholds"):
        assert change in listed
    assert "50 requests per 60 s" in listed
    assert "revalidate_exemptions" not in listed


def test_the_doctor_finds_such_a_stack_well(ended: Ended) -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("cct-ops"), "doctor", "--send"],
        cwd=ROOT,
        env=os.environ | ended.stack.env,
        check=False,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stdout
    signs = {line.split()[1]: line[0] for line in found.stdout.splitlines()}
    unset = ("status-page", "outside", "silences", "links", "streams", "board", "rota")
    assert {signs.pop(part) for part in unset} == {"-"}, found.stdout
    assert signs.pop("backup") == "!", found.stdout  # there was never one
    assert set(signs.values()) == {"✓"}, found.stdout


@pytest.mark.timeout(900)
def test_waiting_survives_the_death_of_every_part(ended: Ended) -> None:
    """All are killed while a run waits; then a person says yes, by the link of before."""
    stack, target = ended.stack, Route.INTRADAY_CHECK
    stack.sandbox.roll_back(target, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    before = changes_on(stack.sandbox, target)
    run_id = stack.start("auto-rollback", PATIENCE, target=target.value, mode="approve")
    eventually(stack.state_is(run_id, StateType.PAUSED), seconds=180)

    kill(stack.data, "worker", "gateway", "prefect", "controller")
    assert stack.state(run_id).is_paused()

    def completed() -> bool:
        say_yes(stack, ended.links)
        return stack.state(run_id).is_final()

    eventually(completed, seconds=240)

    assert stack.state(run_id).name == "Resolved"
    known = account.of_run(stack.engine, run_id)
    assert [act.state for act in known.actions] == ["confirmed"]
    assert [each.verdict for each in known.verifications] == [Verdict.HOLDS]
    assert changes_on(stack.sandbox, target) == before + 1


def test_a_cancelled_run_stops_undoes_and_says_so(ended: Ended) -> None:
    """As the UI cancels: the worker ends the process in the middle of its faults."""
    stack = ended.stack
    run_id = stack.start("chaos-experiment", PATIENCE, mode="approve", minutes=10)

    def injected() -> bool:
        say_yes(stack, ended.links)
        return stack.sandbox.state().chaos_faults != ()

    eventually(injected, seconds=180)
    stack.client.set_flow_run_state(run_id, Cancelling())
    eventually(lambda: stack.state(run_id).is_final(), seconds=120)

    assert stack.state(run_id).is_cancelled()
    assert stack.sandbox.state().chaos_faults == ()
    assert account.of_run(stack.engine, run_id).outcome is Outcome.UNDONE
    ends = [
        each.state for each in changes.listed(stack.engine, ended=True) if each.run_id == run_id
    ]
    assert ends == [ChangeState.REVERTED]
    (head,) = [each for each in threads.heads(stack.sandbox) if "chaos-experiment" in each["text"]]
    texts = [each["text"] for each in threads.answers(stack.sandbox, head)]
    assert len([each for each in texts if "Undone: chaos-experiment" in each]) == 1
