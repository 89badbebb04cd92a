"""Messages to Slack keep what a person needs, however long their words are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from cct_ops.clients.slack import SECTION_CHARACTERS
from cct_ops.models.run import Outcome, Run
from cct_ops.reports.messages import outcome_message

LINK = "https://prefect.example/runs/1"


def section(block: dict[str, Any]) -> str:
    return str(block["text"]["text"])


def test_a_long_reason_costs_neither_the_link_nor_half_an_entity() -> None:
    run = Run(id=uuid4(), name="canary-issue-1", playbook="canary-issue", incident_id=None)

    _, (block, *_) = outcome_message(run, "/daily", Outcome.FAILED, "R&D " * 1500, LINK)

    assert len(section(block)) <= SECTION_CHARACTERS
    told, link = section(block).rsplit("\n", 1)
    assert link == f"<{LINK}|The run in Prefect>"
    assert told.endswith("…")
    assert told.count("&") == told.count("&amp;")
