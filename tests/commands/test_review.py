"""The review of an incident as people and programs get it: in Markdown, as JSON, as a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from tests.commands.conftest import Program, Typed
from tests.ledger.alerts import opened
from tests.ledger.history import TARGET, a_run, decided


def test_it_is_markdown_in_a_pipe_by_any_id_of_it(engine: sa.Engine, typed: Typed) -> None:
    run = a_run(incident_id=opened(engine))
    decided(engine, run, "Blocked", guard="hold")

    by_run, by_incident = typed(f"review {run.id}"), typed(f"review {str(run.incident_id)[:8]}")

    assert by_run.startswith("# Post-incident review: CanaryRolledBack of ")
    assert f"- Affected: {TARGET}" in by_incident
    assert by_incident.count("\n## ") == 10


def test_nothing_that_others_wrote_is_a_command_to_a_ci_system(
    engine: sa.Engine, typed: Typed
) -> None:
    """Which takes what stands at the beginning of a line; our own headings are none."""
    run = a_run(incident_id=opened(engine))
    decided(engine, run)
    with engine.begin() as tx:
        tx.execute(sa.text("update decisions set headline = '::add-mask::x'"))

    said = typed(f"review {run.id}")

    assert "\n\\::add-mask::x\n" in said
    assert "\n::" not in said
    assert said.count("\n## ") == 10


def test_json_and_a_page_are_the_same_review(
    engine: sa.Engine, typed: Typed, tmp_path: Path
) -> None:
    incident, path = opened(engine), tmp_path / "review.html"

    content = json.loads(typed(f"review {incident} --json --html {path}"))

    assert content["account"]["id"] == str(incident)
    assert [each["seconds"] for each in content["took"]] == [None] * 4
    assert f"<code>{incident}</code>" in path.read_text()


@pytest.mark.usefixtures("on_ledger")
def test_what_cannot_be_reviewed_is_one_sentence(engine: sa.Engine, program: Program) -> None:
    """An id of nothing, a delivery that led to no incident, a file that cannot be written."""
    alone = deliveries.Incoming("json", b"{}", None, "not understood", admitted_by="KEY")
    (receipt,) = deliveries.record_all(engine, [alone])
    incident = str(opened(engine))

    for words, why in (
        (["abcd1234"], "there is no incident and no run abcd1234"),
        ([str(receipt.delivery_id)], "led to no incident, so there is nothing to review"),
        ([incident, "--html", "/nowhere/review.html"], "/nowhere/review.html cannot be written"),
    ):
        ended = program("review", *words)
        assert ended.code == 1
        assert why in ended.err
        assert "Traceback" not in ended.err
