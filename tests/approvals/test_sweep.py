"""What becomes of suspended runs, against a real Prefect: none waits for ever, none is silent."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from prefect.states import Cancelled

from cct_ops.actions.registry import by_hand
from cct_ops.controller.approvals import People, sweep
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.people import pages
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import asked, new_run, state
from tests.approvals.waiting_runs import Prefect, say
from tests.ledger.alerts import firing, opened, resolved


def notices(sandbox: SandboxControl) -> list[str]:
    """Return the messages to people."""
    return [m.body["blocks"][0]["text"]["text"] for m in sandbox.slack_messages()]


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
