"""Reports, questions and messages lead to the board, where something says where it is."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cct_ops.models.run import Outcome, Run
from cct_ops.reports.links import board_page, incident_page
from cct_ops.reports.messages import outcome_message

PLACES = ("CCT_OPS_BOARD_URL", "CCT_OPS_BOARD_PORT", "CCT_OPS_BOARD_HOST")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says where the board is."""
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)


def said(run: Run) -> str:
    return str(outcome_message(run, "/daily-summary", Outcome.RESOLVED, "-", "http://prefect/x"))


def test_without_a_board_nothing_leads_to_one() -> None:
    run = Run(id=uuid4(), name="a run", playbook="auto-rollback")

    assert board_page("/now") is None
    assert "board" not in said(run)
    assert "<http://prefect/x|The run in Prefect>" in said(run)


@pytest.mark.parametrize(
    ("name", "value", "page"),
    [
        ("CCT_OPS_BOARD_URL", "https://board.example/", "https://board.example/now"),
        ("CCT_OPS_BOARD_PORT", "8071", "http://127.0.0.1:8071/now"),
    ],
)
def test_links_begin_with_what_people_type(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, page: str
) -> None:
    monkeypatch.setenv(name, value)

    assert board_page("/now") == page


def test_a_message_leads_to_the_incident_or_to_the_record_of_its_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CCT_OPS_BOARD_URL", "https://board.example")
    incident = uuid4()
    alone = Run(id=uuid4(), name="a run", playbook="auto-rollback")
    for_one = alone.model_copy(update={"incident_id": incident})

    assert incident_page(incident) == f"https://board.example/incidents/{incident}"
    assert f"<https://board.example/incidents/{incident}|The incident on the board>" in said(
        for_one
    )
    assert f"/incidents/{alone.id}|" in said(alone)
