"""What becomes of suspended runs, against a real Prefect: none waits for ever, none is silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Pending, Running, Suspended
from pydantic import SecretStr

from cct_ops.actions.registry import by_hand
from cct_ops.controller.approvals import People, sweep
from cct_ops.ledger import set_aside
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.people import pages
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import ANNA, APPROVERS, CONTACTS, asked, new_run, state
from tests.controller import wire
from tests.controller.running import Playbook
from tests.ledger.alerts import firing, opened, resolved


@dataclass(frozen=True)
class Prefect:
    """Runs of one deployment that nothing works on."""

    client: SyncPrefectClient
    deployment_id: UUID

    def suspended(self, form: str | None = None, **parameters: Any) -> UUID:
        """Create a run and suspend it, as a flow does that waits for approval."""
        given = {"target": "/pre-market-briefing"} | parameters
        run = self.client.create_flow_run_from_deployment(self.deployment_id, parameters=given)
        last: State[Any] = Suspended(timeout_seconds=3600)
        if form is not None:
            last.state_details.run_input_keyset = {"schema": form}
        states: list[State[Any]] = [Pending(), Running(), last]
        for each in states:
            self.set(run.id, each)
        return run.id

    def set(self, run_id: UUID, next_state: State[Any]) -> None:
        """Move a run."""
        self.client.set_flow_run_state(run_id, next_state)

    def state(self, run_id: UUID) -> str | None:
        """Say where a run stands."""
        return self.client.read_flow_run(run_id).state_name


@pytest.fixture
def prefect(prefect_api_url: str) -> Iterator[Prefect]:
    """The real server."""
    deployment_id = Playbook(prefect_api_url, f"playbook-{uuid4().hex[:12]}").deploy()
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
    ):
        yield Prefect(client, deployment_id)


@pytest.fixture
def people(engine: sa.Engine, sandbox: SandboxControl) -> People:
    """Who is notified, through the sandbox's Slack sink."""
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    return People(APPROVERS, CONTACTS, notifier)


def notices(sandbox: SandboxControl) -> list[str]:
    """Return the messages to people."""
    return [m.body["blocks"][0]["text"]["text"] for m in sandbox.slack_messages()]


def say(engine: sa.Engine, approval: Approval, *, yes: bool) -> None:
    """Answer."""
    given = Answer.of(ANNA, "link", approved=yes, digest=approval.plan_digest)
    approval_answers.answer(engine, approval.id, given, person=ANNA)


def test_an_open_request_waits(engine: sa.Engine, prefect: Prefect, people: People) -> None:
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))

    assert sweep(engine, people) == 0
    assert (prefect.state(run_id), state(engine, approval)) == ("Suspended", "pending")


@pytest.mark.parametrize("yes", [True, False])
def test_an_answered_request_has_its_run_resumed_once(
    engine: sa.Engine, prefect: Prefect, people: People, yes: bool
) -> None:
    run_id = prefect.suspended()
    say(engine, asked(engine, new_run(run_id)), yes=yes)

    assert sweep(engine, people) == 1
    assert prefect.state(run_id) == "Resuming"
    assert sweep(engine, people) == 0


def test_a_run_whose_process_died_before_its_form_was_saved_goes_on(
    engine: sa.Engine, prefect: Prefect, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect refuses to resume it, for ever; one that is young may be about to save its form."""
    run_id = prefect.suspended(form="never-saved")
    say(engine, asked(engine, new_run(run_id)), yes=True)

    assert sweep(engine, people) == 0
    assert prefect.state(run_id) == "Suspended"

    monkeypatch.setattr("cct_ops.controller.approvals.FORM_GRACE", timedelta())
    assert sweep(engine, people) == 1
    assert prefect.state(run_id) == "Resuming"
    assert sweep(engine, people) == 0


def test_of_two_controllers_that_resume_a_run_at_once_neither_calls_it_a_fault(
    engine: sa.Engine, prefect: Prefect, people: People, prefect_api_url: str
) -> None:
    """Prefect answers 409 to the second of them."""
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))
    say(engine, approval, yes=True)
    pass_on = wire.passing_on_to(prefect_api_url.removesuffix("/api"))

    def be_second(request: wire.Request) -> wire.Answer | None:
        resumes = request.path.endswith("/resume")
        return wire.Answer(409, b"{}") if resumes else pass_on(request)

    with wire.wire(be_second) as line, temporary_settings({PREFECT_API_URL: f"{line.url}/api"}):
        sweep(engine, people)

    assert set_aside.listed(engine) == []
    assert sweep(engine, people) == 1
    assert prefect.state(run_id) == "Resuming"


def test_of_two_controllers_that_let_a_run_go_on_the_second_does_not_begin_it_again(
    engine: sa.Engine,
    prefect: Prefect,
    people: People,
    prefect_api_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker may be at work on it by then."""
    monkeypatch.setattr("cct_ops.controller.approvals.ACCOUNT_GRACE_SECONDS", 0)
    run_id = prefect.suspended()
    asked(engine, new_run(run_id))
    approvals.void(engine, run_id, "The run ended without needing it.")
    pass_on = wire.passing_on_to(prefect_api_url.removesuffix("/api"))

    def go_on(request: wire.Request) -> wire.Answer | None:
        answer = pass_on(request)
        if request.path.endswith("/flow_runs/filter"):
            prefect.set(run_id, Running())
        return answer

    with wire.wire(go_on) as line, temporary_settings({PREFECT_API_URL: f"{line.url}/api"}):
        sweep(engine, people)

    assert prefect.state(run_id) == "Running"
    assert set_aside.listed(engine) == []


def test_a_suspended_run_that_asks_for_nothing_any_more_is_made_to_go_on(
    engine: sa.Engine, prefect: Prefect, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended what it asked for, and was suspended before it could give its account."""
    monkeypatch.setattr("cct_ops.controller.approvals.ACCOUNT_GRACE_SECONDS", 0)
    run_id, at_work, ended = (prefect.suspended() for _ in range(3))
    for each in (run_id, at_work, ended):
        asked(engine, new_run(each))
    prefect.set(at_work, Running())
    account.record_outcome(engine, new_run(ended), "/pre-market-briefing", Outcome.VOID, "Over.")
    assert sweep(engine, people) == 0
    for each in (run_id, at_work, ended):
        approvals.void(engine, each, "The run ended without needing it.")

    assert sweep(engine, people) == 1
    assert sweep(engine, people) == 0
    found = [prefect.state(each) for each in (run_id, at_work, ended)]
    assert found == ["Resuming", "Running", "Suspended"]


def test_one_of_two_answers_resumes_nothing(
    engine: sa.Engine, prefect: Prefect, people: People
) -> None:
    run_id = prefect.suspended()
    say(engine, asked(engine, new_run(run_id), persons=2), yes=True)

    assert sweep(engine, people) == 0
    assert prefect.state(run_id) == "Suspended"


def test_a_request_that_nobody_answered_goes_to_the_next_contact(
    engine: sa.Engine, prefect: Prefect, people: People, sandbox: SandboxControl
) -> None:
    """With the exact command; and to the one after, when that finds nobody either."""
    incident = opened(engine)
    for _ in range(3):
        run_id = prefect.suspended(mode="approve")
        approval = asked(engine, new_run(run_id, incident), seconds=-1)
        assert sweep(engine, people) == 1
        assert sweep(engine, people) == 0
        assert (prefect.state(run_id), state(engine, approval)) == ("Resuming", "expired")

    said = notices(sandbox)
    assert [re.search(r"<@(\w+)>:|owner:", text)[0] for text in said] == [  # type: ignore[index]
        "<@U0BEN>:",
        "owner:",
        "owner:",
    ]
    assert [each.page.escalation_step for each in reversed(pages.newest(engine, 9))] == [1, 2, 3]
    assert (
        "cct-ops run auto-rollback --mode approve --target /pre-market-briefing"
        f" --incident {incident}" in said[0]
    )
    by_command = sandbox.slack_messages()[0].body["blocks"][1]["text"]["text"]
    assert by_command == f"*By hand*\n```{by_hand(approval.plan.calls[0])}```"


def test_a_slack_that_is_down_delays_the_notice_and_not_the_run(
    engine: sa.Engine, prefect: Prefect, people: People, sandbox: SandboxControl
) -> None:
    sandbox.faults(Fault(path="/slack/", error_status=500))
    run_id = prefect.suspended()
    asked(engine, new_run(run_id), seconds=-1)

    sweep(engine, people)
    assert (prefect.state(run_id), notices(sandbox)) == ("Resuming", [])
    sandbox.faults()
    sweep(engine, people)

    assert "Nobody approved" in notices(sandbox)[0]


def test_a_run_that_was_cancelled_while_it_waited_is_closed_and_reported(
    engine: sa.Engine, prefect: Prefect, people: People, sandbox: SandboxControl
) -> None:
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))
    prefect.set(run_id, Cancelled())

    assert sweep(engine, people) == 1
    assert sweep(engine, people) == 0

    assert state(engine, approval) == "void"
    ended = account.of_run(engine, run_id)
    assert ended.outcome is Outcome.CANCELLED
    assert (
        ended.reason == "The run was cancelled while it waited for approval; nothing was changed."
    )
    assert len(notices(sandbox)) == 1
    assert "cancelled while it waited" in notices(sandbox)[0]


def test_a_run_that_was_cancelled_before_it_read_its_answer_is_closed(
    engine: sa.Engine, prefect: Prefect, people: People
) -> None:
    """It was resumed, and no worker had taken it yet: none of its hooks runs."""
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))
    say(engine, approval, yes=True)
    sweep(engine, people)
    prefect.set(run_id, Cancelled())

    assert sweep(engine, people) == 1
    assert state(engine, approval) == "void"
    assert account.of_run(engine, run_id).outcome is Outcome.CANCELLED


def test_a_run_that_was_deleted_while_it_waited_is_closed(
    engine: sa.Engine, prefect: Prefect, people: People
) -> None:
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))
    prefect.client.delete_flow_run(run_id)

    sweep(engine, people)

    assert state(engine, approval) == "void"
    assert account.of_run(engine, run_id).outcome is Outcome.VOID


def test_when_the_incident_is_over_the_run_is_resumed_to_end(
    engine: sa.Engine, prefect: Prefect, people: People
) -> None:
    fires = firing(alertname="A")
    incident = deliveries.record(engine, "am", b"1", [fires]).incidents[0]
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id, incident))
    assert sweep(engine, people) == 0
    deliveries.record(engine, "am", b"2", [resolved(fires)])

    assert sweep(engine, people) == 1
    assert (prefect.state(run_id), state(engine, approval)) == ("Resuming", "void")
    assert approvals.find(engine, approval.id).note == approvals.OVER  # type: ignore[union-attr]
