"""Every setting of approvals does what it says, and a wrong one is refused with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from cct_ops.commands import approvals as command
from cct_ops.config import policy, yaml_files
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.policy import ApprovalPolicy, SecondPerson
from cct_ops.errors import BadConfiguration
from cct_ops.gate.approval import Asking
from cct_ops.gateway.approvals.mount import mount_approvals
from cct_ops.gateway.senders.repeat import incoming
from cct_ops.ledger.gate import approvals, approver_ways
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.run import Outcome, Severity
from cct_ops.settings import Settings
from tasks import approval, notify
from tasks.authorise import executor_of
from tasks.connections import settings
from tests.approvals.parts import ANNA as ANNA_ITO, BEN, Conclusion, asked, new_run, plan
from tests.conftest import ROOT
from tests.ledger.alerts import firing


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """Let a run in this process know the ledger of its own test."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    ("rule", "needed"),
    [
        (SecondPerson(severities=(Severity.P0,)), "at P0"),
        (SecondPerson(severities=(Severity.P1,)), None),
        (SecondPerson(playbooks=("auto-rollback",)), "for auto-rollback"),
        (SecondPerson(playbooks=("cleanup",)), None),
        (SecondPerson(irreversible=True), None),
    ],
)
def test_who_is_asked_for_depends_on_severity_and_playbook(
    rule: SecondPerson, needed: str | None
) -> None:
    reason = rule.reason(plan(), Severity.P0)

    assert reason is None if needed is None else needed in str(reason)


@pytest.mark.parametrize("irreversible", [True, False])
def test_what_cannot_be_undone_needs_two_unless_policy_says_otherwise(irreversible: bool) -> None:
    rule = SecondPerson(irreversible=irreversible)

    assert (rule.reason(plan(reversible=False), Severity.P2) is not None) is irreversible


def test_without_a_section_a_name_typed_into_a_form_is_worth_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("playbooks: {}\n")

    assert policy.read(path).approvals == ApprovalPolicy()
    assert not ApprovalPolicy().accept_form
    assert ApprovalPolicy().second_person.irreversible


def test_the_files_that_are_deployed_are_right() -> None:
    assert policy.read(ROOT / "deployments/policy.yaml").approvals.accept_form
    people = yaml_files.load(ROOT / "deployments/approvers.yaml", Approvers)
    assert len(people.approvers) >= 2, "or nothing irreversible could ever be approved"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("approvals: {accept_forms: true}", ":2: approvals.accept_forms"),
        ("approvals:\n  second_person: {severities: [P9]}", ":3: approvals.second_person"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"playbooks: {{}}\n{text}\n")

    with pytest.raises(BadConfiguration) as refused:
        policy.read(path)
    assert f"{path}{said}" in str(refused.value)


ANNA = "{id: anna, name: Anna Ito, slack_user_id: U0ANNA}"


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("[{id: anna, name: Anna Ito}]", "say how this person is reached"),
        (f"[{ANNA}, {ANNA}]", "they could count twice"),
        ("[]", "approvers"),
    ],
)
def test_a_wrong_list_of_approvers_is_refused(tmp_path: Path, people: str, said: str) -> None:
    path = tmp_path / "approvers.yaml"
    path.write_text(f"approvers: {people}\n")

    with pytest.raises(BadConfiguration, match=said) as refused:
        yaml_files.load(path, Approvers)
    assert f"{path}:" in str(refused.value)


def test_a_key_that_could_be_guessed_is_refused(
    gateway_environment: dict[str, str], engine: sa.Engine, tmp_path: Path
) -> None:
    (tmp_path / "link-key").write_text("short")

    with pytest.raises(BadConfiguration, match="too short"):
        mount_approvals(FastAPI(), engine, Settings.load())


def test_without_key_and_secret_the_gateway_has_no_desk(
    gateway_environment: dict[str, str], engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CCT_OPS_APPROVAL_KEY_FILE")
    monkeypatch.delenv("CCT_OPS_SLACK_SIGNING_SECRET")
    app = FastAPI()

    assert mount_approvals(app, engine, Settings.load()) is None
    assert not [route for route in app.routes if "approvals" in getattr(route, "path", "")]


@pytest.mark.parametrize(
    ("unset", "missing"),
    [
        (("CCT_OPS_SLACK_SIGNING_SECRET",), {}),  # links alone do
        (("CCT_OPS_APPROVAL_KEY_FILE",), {}),  # buttons alone do
        (("WEBHOOK_BEN",), {}),
        (
            ("WEBHOOK_BEN", "CCT_OPS_SLACK_SIGNING_SECRET"),
            {BEN: "WEBHOOK_BEN or CCT_OPS_SLACK_SIGNING_SECRET is not set for the gateway"},
        ),
        (
            ("CCT_OPS_APPROVAL_KEY_FILE", "CCT_OPS_SLACK_SIGNING_SECRET"),
            dict.fromkeys(
                (ANNA_ITO, BEN),
                "CCT_OPS_APPROVAL_KEY_FILE or CCT_OPS_SLACK_SIGNING_SECRET"
                " is not set for the gateway",
            ),
        ),
    ],
)
def test_who_is_not_reached_is_known_with_what_to_set(
    gateway_environment: dict[str, str],
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    unset: tuple[str, ...],
    missing: dict[Approver, str],
) -> None:
    for name in unset:
        monkeypatch.delenv(name)
    mount_approvals(FastAPI(), engine, Settings.load())

    assert approver_ways.find_unreached(engine, (ANNA_ITO, BEN)) == missing


def test_persons_who_cannot_be_asked_are_not_waited_for(
    gateway_environment: dict[str, str],
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("WEBHOOK_BEN")
    monkeypatch.delenv("CCT_OPS_SLACK_SIGNING_SECRET")
    mount_approvals(FastAPI(), engine, Settings.load())
    strict = tmp_path / "policy.yaml"
    strict.write_text("playbooks: {}\napprovals: {second_person: {severities: [P0]}}\n")

    executor = executor_of(new_run())
    asking = Asking(executor, policy.read(strict), notify, approval)
    ended = asking.ask(Conclusion(plan=plan()), plan(), "The breach is still going on")

    assert ended is not None
    outcome, reason = ended
    assert outcome is Outcome.BLOCKED
    assert "too few can be asked: Ben Okafor (WEBHOOK_BEN or CCT_OPS_SLACK" in reason
    assert approvals.unsettled(engine) == []


@pytest.mark.parametrize("by", ["Anna Ito, signed in on the board", "anna"])
def test_whoever_let_an_alert_come_in_again_is_no_second_person(
    gateway_environment: dict[str, str], engine: sa.Engine, tmp_path: Path, by: str
) -> None:
    """A rule starts its run, and the person is why."""
    mount_approvals(FastAPI(), engine, Settings.load())
    strict = tmp_path / "policy.yaml"
    strict.write_text("playbooks: {}\napprovals: {second_person: {severities: [P0]}}\n")
    alert = firing(alertname="CanaryRolledBack")
    past = Past(uuid4(), "alertmanager", b"", {}, "accepted", "", alert.starts_at, None)
    (came,) = deliveries.record_all(engine, [incoming(past, alert, by, uuid4())])

    run = new_run().model_copy(update={"incident_id": came.incidents[0]})
    asking = Asking(executor_of(run), policy.read(strict), notify, approval)
    ended = asking.ask(Conclusion(plan=plan()), plan(), "The breach is still going on")

    assert ended is not None
    assert "names too few besides the one who started the run" in ended[1]


def test_the_command_lists_what_is_open_and_how_long(
    gateway_environment: dict[str, str],
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert command.approvals() == 0
    assert "Nothing waits for approval." in capsys.readouterr().out

    approval = asked(engine, persons=2)
    command.approvals()

    shown = capsys.readouterr().out
    for part in (str(approval.id), "14:5", "0 of 2", "P0", "The breach is still going on."):
        assert part in shown
