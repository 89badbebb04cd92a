"""Runs that programs start on a real Prefect, and who may approve what these ask for."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.approvals import ApprovalState
from cct_ops.models.role import Role
from cct_ops.models.run import asked_of, incident_tag
from tests.approvals.parts import APPROVERS, asked
from tests.board.api.conftest import PATH, Programs
from tests.board.conftest import SignedIn
from tests.board.test_playbooks import FORM, board, playbook, prefect_url
from tests.controller.running import Playbook
from tests.ledger.alerts import opened

__all__ = ["board", "playbook", "prefect_url"]


def test_a_program_starts_a_run_by_its_name_and_that_of_whoever_asked_it(
    program: Programs, playbook: Playbook, engine: sa.Engine
) -> None:
    """With what was given and nothing else, for its incident; with one key it is one run."""
    playbook.deploy(FORM)
    incident, chatops = opened(engine), program(Role.RESPONDER)
    body = {
        "parameters": {"target": "/daily-summary", "mode": "observe", "minutes": 5},
        "incident_id": str(incident),
    }
    headers = {
        b"Authorization": f"Bearer {chatops.token}".encode(),
        b"Idempotency-Key": b"message 1",
        b"Asked-By": "Änna Ito".encode(),
    }
    path = f"{PATH}/playbooks/{playbook.name}/start"

    first, again = (chatops.http.post(path, json=body, headers=headers) for _ in range(2))

    assert first.status_code == 200, first.text
    assert again.json() == first.json()
    (run,) = playbook.runs()
    assert first.json()["run_id"] == run["id"]
    assert run["parameters"] == body["parameters"]
    tags = str(run["tags"])
    assert "'started-by:Änna Ito, by chatops (token)'" in tags
    assert incident_tag(incident) in tags
    described = chatops.get(f"/playbooks/{playbook.name}").json()
    assert described["parameters"]["required"] == ["target"]
    assert described["startable"] is True


def test_what_does_not_fit_is_said_at_its_field_and_starts_nothing(
    program: Programs, playbook: Playbook
) -> None:
    playbook.deploy(FORM)
    chatops = program(Role.RESPONDER)
    given = {"mode": "obsreve", "minutes": "5", "targt": "/daily-summary", "share": 51}

    answer = chatops.post(
        f"/playbooks/{playbook.name}/start", {"parameters": given, "incident_id": str(uuid4())}
    )

    assert answer.status_code == 422
    said = {each["field"]: each["detail"] for each in answer.json()["errors"]}
    assert said.keys() == {
        *(f"body.parameters.{name}" for name in ("mode", "minutes", "targt", "target", "share")),
        "body.incident_id",
    }
    assert said["body.parameters.targt"] == "is no parameter: did you mean target?"
    assert "did you mean observe?" in said["body.parameters.mode"]
    assert playbook.runs() == []
    assert chatops.post("/playbooks/no-such-playbook/start", {}).status_code == 404


@pytest.mark.parametrize("name", ["Anna Ito", "anna", "U0ANNA"])
def test_whoever_asked_a_program_to_start_a_run_is_no_second_person(name: str) -> None:
    """By whatever name the program has of that person."""
    started_by = asked_of(name, "chatops (token)")

    assert [each.id for each in APPROVERS.others_than(started_by)] == ["ben"]
    assert len(APPROVERS.others_than("chatops (token)")) == 2


def test_nobody_approves_on_the_board_what_a_program_started_for_them(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    approval = asked(
        engine, started_by=asked_of("Zoe Adler", "chatops (token)"), form_accepted=True
    )

    same = signed_in(Role.APPROVER, "Zoe Adler").send(
        f"/approvals/{approval.id}/approve", digest=approval.plan_digest
    )
    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (same.status_code, found.state) == (409, ApprovalState.PENDING)
    assert "You started this run" in same.text
    other = signed_in(Role.APPROVER, "Chen Wei").send(
        f"/approvals/{approval.id}/approve", digest=approval.plan_digest
    )
    assert other.status_code == 303
