"""The account of an incident, from its alert through two persons to a repair that was verified."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client

from cct_ops.controller.approvals import sweep
from cct_ops.controller.handlers import Remediation
from cct_ops.controller.routes import read_routes
from cct_ops.controller.runs import Runs
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.schema import metadata
from cct_ops.models.account import Account, ActorKind, Entry, EntryKind
from cct_ops.models.run import Outcome
from cct_ops.record import account
from cct_ops.sandbox.control import SandboxControl
from tests.commands.test_inbox import take
from tests.flows.deployment_run import DeploymentRun
from tests.flows.test_approvals import LEAD, ON_CALL, STRICT
from tests.flows.test_auto_rollback import ROUTE, pull
from tests.flows.upkeep import ANYTHING, deployed

ROUTES = """
rules:
  - name: canary-rolled-back
    match: ['alertname="CanaryRolledBack"']
    playbook: auto-rollback
    mode: approve
    parameters: {target: {label: route, type: route}}
  - {name: the-rest, notify: true}
"""


def arrive(engine: sa.Engine, started: datetime, status: str = "firing") -> UUID:
    """Let the alert come in, as an Alertmanager sends it."""
    alert = {
        "status": status,
        "labels": {"alertname": "CanaryRolledBack", "route": ROUTE.value},
        "startsAt": started.isoformat(),
        "endsAt": datetime.now(UTC).isoformat(),
    }
    body = {"version": "4", "alerts": [alert], "mark": uuid4().hex}
    return UUID(take(engine, "alertmanager", json.dumps(body).encode()))


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    """Rules that start the playbook for this alert, in approve mode."""
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    return path


@pytest.fixture
def repaired(engine: sa.Engine, sandbox: SandboxControl, policy: Path, routes: Path) -> Account:
    """An incident whose canary was put back after two persons had said yes."""
    pull(sandbox)
    policy.write_text(STRICT)
    started = datetime.now(UTC)  # an episode of its own: Prefect knows the runs of earlier tests
    incident = arrive(engine, started)
    arrive(engine, started)
    deployed("auto-rollback").deploy(ANYTHING, tags=["playbook"])
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    with Runs() as runs:
        Remediation(engine, read_routes(routes), runs)(claim)
    with get_client(sync_client=True) as client:
        (found,) = [each for each in deployed("auto-rollback").runs() if _is_of(each, incident)]
        run = DeploymentRun(client, engine, "auto-rollback", UUID(str(found["id"])))
        assert run.work() == "Suspended"
        run.say(ON_CALL)
        run.say(LEAD)
        assert sweep(engine) == 1
        assert run.work() == "Resolved"
    arrive(engine, started, "resolved")
    told = account.read(engine, incident)
    assert told is not None
    return told


def _is_of(run: dict[str, object], incident: UUID) -> bool:
    tags = run["tags"]
    return isinstance(tags, list) and f"incident:{incident}" in tags


def only(told: Account, kind: EntryKind) -> list[Entry]:
    """Return the entries of a kind."""
    return [entry for entry in told.entries if entry.kind is kind]


def test_it_holds_every_step_in_order_with_who_did_it_and_on_what(
    repaired: Account, engine: sa.Engine, policy: Path, routes: Path
) -> None:
    every_step_in_order(repaired)
    who_and_by_which_proof(repaired)
    by_which_rules_policy_plan_and_permit(repaired, policy, routes)
    each_row_is_there(repaired, engine)


def every_step_in_order(repaired: Account) -> None:
    """From the alert to its end."""
    kinds = [entry.kind for entry in repaired.entries if entry.kind is not EntryKind.NOTICE]

    assert kinds == [
        EntryKind.BEGAN,
        EntryKind.ALERT,  # it opened the incident
        EntryKind.ALERT,  # and came again
        EntryKind.DISPATCH,
        EntryKind.STARTED,
        EntryKind.LOOK,
        EntryKind.APPROVAL,
        EntryKind.ANSWER,
        EntryKind.ANSWER,
        EntryKind.APPROVAL,  # it is used up
        EntryKind.DECISION,
        EntryKind.PERMIT,
        EntryKind.REQUEST,
        EntryKind.READ_BACK,
        EntryKind.VERIFICATION,
        EntryKind.OUTCOME,
        EntryKind.ALERT,  # it is over, says the sender
    ]
    assert [entry.at for entry in repaired.entries] == sorted(e.at for e in repaired.entries)
    assert (repaired.outcome, repaired.state) == (Outcome.RESOLVED, "closed as resolved")


def who_and_by_which_proof(repaired: Account) -> None:
    """Sender, rule, persons."""
    first, *_ = only(repaired, EntryKind.ALERT)
    (started,) = only(repaired, EntryKind.STARTED)
    answers = only(repaired, EntryKind.ANSWER)

    assert (first.actor.name, first.actor.proof) == ("alertmanager", "the key KEY")
    assert (started.actor.kind, started.actor.name) == (
        ActorKind.ALERT,
        "the rule canary-rolled-back",
    )
    assert {each.facts["approver"] for each in answers} == {ON_CALL, LEAD}
    assert {each.actor.kind for each in answers} == {ActorKind.PERSON}
    assert all("a signed link" in (each.actor.proof or "") for each in answers)


def by_which_rules_policy_plan_and_permit(repaired: Account, policy: Path, routes: Path) -> None:
    """Files by the digests of their bytes, so that anybody finds them in the history."""
    (dispatch,), (decision,) = (
        only(repaired, EntryKind.DISPATCH),
        only(repaired, EntryKind.DECISION),
    )
    (permit,), (request,) = only(repaired, EntryKind.PERMIT), only(repaired, EntryKind.REQUEST)
    asked, used = only(repaired, EntryKind.APPROVAL)

    assert dispatch.facts["routes SHA-256"] == hashlib.sha256(routes.read_bytes()).hexdigest()
    assert decision.facts["policy SHA-256"] == hashlib.sha256(policy.read_bytes()).hexdigest()
    plans = {decision.facts["plan SHA-256"], permit.facts["plan SHA-256"], asked.facts["plan"]}
    assert len(plans) == 1
    assert request.facts["permit"] == permit.facts["permit"]
    assert used.facts["request"] == asked.facts["request"]
    assert decision.evidence
    assert f"reset_canary(route='{ROUTE}')" in request.text


def each_row_is_there(repaired: Account, engine: sa.Engine) -> None:
    """Whoever doubts an entry finds its row."""
    keys = {"resolutions": "run_id", "run_leases": "run_id", "slack_threads": "topic_id"}
    with engine.connect() as connection:
        for entry in repaired.entries:
            name, _, key = entry.row.partition(" ")
            table = metadata.tables[name]
            column = sa.cast(table.c[keys.get(name, "id")], sa.Text)
            asked = sa.select(sa.func.count()).select_from(table).where(column == key)
            assert connection.scalar(asked) == 1, entry.row
