"""What people arrange among each other, by a program: covers, follow-ups, something to practise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.people import covers
from cct_ops.models.role import Role
from cct_ops.scenarios.every import BREAKAGES
from tests.board.api.conftest import Programs
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided

NOW = datetime.now(UTC)


def test_somebody_covers_until_that_is_withdrawn(program: Programs, engine: sa.Engine) -> None:
    chatops = program(Role.RESPONDER)
    wanted = {
        "person": "lead",
        "instead_of": "on-call",
        "ends": (NOW + timedelta(hours=9)).isoformat(),
        "reason": "flu",
    }

    made = chatops.post("/on-call/cover", wanted)

    assert made.status_code == 200, made.text
    assert made.json()["done"].startswith("lead covers for on-call until ")
    duty = chatops.get("/on-call").json()
    assert (duty["line"][0]["id"], duty["calendars"]) == ("lead", [])
    (cover,) = duty["covers"]
    assert (cover["reason"], cover["entered_by"]) == ("flu", "chatops (token), by the API")
    for other, status, words in (
        (wanted | {"person": "product-owner"}, 409, "Withdraw that first"),
        (wanted | {"person": "bo"}, 422, "No contact is called bo: known are on-call"),
        (wanted | {"ends": NOW.isoformat(), "begins": NOW.isoformat()}, 422, "after its beginning"),
        (wanted | {"ends": "2026-12-24T18:00:00"}, 422, "body.ends"),
    ):
        refused = chatops.post("/on-call/cover", other)
        assert (refused.status_code, words in refused.json()["detail"]) == (status, True), words
    assert len(covers.newest(engine, 9)) == 1
    path = f"/on-call/covers/{cover['id']}/withdraw"
    assert [chatops.post(path).status_code for _ in range(2)] == [200, 409]
    assert chatops.get("/on-call").json()["line"][0]["id"] == "on-call"


def test_what_a_review_proposes_is_taken_on_and_done(program: Programs, engine: sa.Engine) -> None:
    incident = opened(engine)
    decided(engine, a_run(incident_id=incident))
    chatops, path = program(Role.RESPONDER), f"/incidents/{incident}/review"
    due = (NOW + timedelta(days=14)).date().isoformat()
    promise = {"owner": "lead", "due": due}

    review = chatops.get(path).json()
    name = review["proposals"][0]["name"]
    taken = chatops.post(f"{path}/accept", promise | {"proposal": name})
    added = chatops.post(f"{path}/add", promise | {"owner": "Bo", "text": "Buy a larger disk."})

    assert (taken.status_code, added.status_code) == (200, 200), (taken.text, added.text)
    assert added.json()["done"] == f"Bo is to do it by {due}."
    items = chatops.get("/follow-ups").json()["items"]
    assert [(each["owner"], each["due"], each["proposal"]) for each in items] == [
        ("lead", due, name),
        ("Bo", due, None),
    ]
    assert {each["topic_id"] for each in items} == {str(incident)}
    assert {each["made_by"] for each in items} == {"chatops (token), by the API"}
    assert chatops.get("/follow-ups?state=overdue").json()["items"] == []
    assert len(chatops.get("/follow-ups?owner=bo").json()["items"]) == 1
    again = chatops.get(path).json()
    assert name not in {each["name"] for each in again["proposals"]}
    assert len(again["follow_ups"]) == 2
    ended = f"{path}/follow-ups/{items[1]['id']}"
    assert chatops.post(f"{ended}/done").status_code == 200
    refused = chatops.post(f"{ended}/drop", {"reason": "too dear"})
    assert (refused.status_code, "it is done already" in refused.json()["detail"]) == (409, True)
    assert chatops.post(f"{path}/accept", promise | {"proposal": "none"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"owner": "lead", "due": "2020-01-01", "text": "x"}, "body.due"),
        ({"owner": "lead", "due": "soon", "text": "x"}, "body.due"),
        ({"owner": "o" * 101, "due": "2099-01-01", "text": "x"}, "body.owner"),
        ({"owner": "lead", "due": "2027-01-01", "text": "x" * 501}, "body.text"),
    ],
)
def test_a_promise_that_does_not_fit_is_said_at_its_field(
    program: Programs, engine: sa.Engine, body: dict[str, str], field: str
) -> None:
    path = f"/incidents/{opened(engine)}/review/add"

    refused = program(Role.RESPONDER).post(path, body)

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert program(Role.VIEWER, "reader").get("/follow-ups").json()["items"] == []


def test_of_what_is_not_there_is_no_review(program: Programs) -> None:
    assert program().get(f"/incidents/{uuid4()}/review").status_code == 404


def test_what_can_be_broken_is_listed_and_nothing_beside_a_real_cct(
    program: Programs, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither sandbox nor gateway answer here; asked for twice it is the incident of the first."""
    chatops = program(Role.RESPONDER)

    names = [each["name"] for each in chatops.get("/sandbox").json()["faults"]]
    assert names == list(BREAKAGES)
    away = chatops.post("/sandbox/canary-pulled/break")
    assert (away.status_code, "Nothing was broken" in away.json()["detail"]) == (503, True)
    incident = opened(engine, alertname="CanaryRolledBack", route="/weekly-review")
    done = chatops.post("/sandbox/canary-pulled/break")
    assert (done.status_code, done.json()["page"].endswith(f"/incidents/{incident}")) == (200, True)
    assert chatops.post("/sandbox/nothing/break").status_code == 404

    monkeypatch.delenv("CCT_OPS_SANDBOX_URL")
    assert chatops.get("/sandbox").json() == {"faults": []}
    assert chatops.post("/sandbox/canary-pulled/break").status_code == 404
