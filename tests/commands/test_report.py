"""The report, as people and programs get it: in a terminal and as JSON."""

from __future__ import annotations

import json

import sqlalchemy as sa

from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.run import Outcome
from tests.commands.conftest import Program, Typed
from tests.ledger.history import attempt
from tests.record.a_day import a_day


def test_the_terminal_shows_the_figures_and_says_where_the_incidents_are(
    engine: sa.Engine, typed: Typed
) -> None:
    a_day(engine)

    said = typed("report --since 1d")

    for words in (
        "5 incidents, 2 of them without a run",
        "2 runs for no incident ended: 1 by a person, 1 by a schedule.",
        "2 of 3 (67%)",
        "2.0 s / 51.4 s",
        "hold",
        "2 minutes for each command that the manual runbook has to look with",
        "`cct-ops report --since 1d --json`",
    ):
        assert words in said


def test_json_names_the_incidents_behind_each_number(engine: sa.Engine, typed: Typed) -> None:
    day = a_day(engine)

    content = json.loads(typed("report --since 1d --json"))

    total = {each["name"]: each for each in content["sections"][0]["figures"]}
    assert content["sections"][0]["playbook"] is None
    assert total["verified fixes"]["ids"] == [day.ids["fixed"], day.ids["manual"]]
    assert (total["verified fixes"]["value"], total["verified fixes"]["of"]) == (2, 3)
    assert total["to acknowledge, p95"]["unit"] == "seconds"
    assert all(each["ids"] for each in total.values() if each["value"])
    assert content["left_out"] == []


def test_a_row_that_cannot_be_true_is_told_by_the_exit_code(
    engine: sa.Engine, program: Program, on_ledger: None
) -> None:
    """The report on the others is shown all the same."""
    bad, good = attempt(engine, Outcome.RESOLVED), attempt(engine, Outcome.UNDONE)
    with engine.begin() as tx:
        lovely = sa.update(resolutions).where(resolutions.c.run_id == bad.id)
        tx.execute(lovely.values(outcome="Lovely"))

    ended = program("report", "--json")

    assert ended.code == 1
    assert f"left out: {bad.id}: its outcome is none that there is" in ended.err
    content = json.loads(ended.out)
    assert [each["id"] for each in content["left_out"]] == [str(bad.id)]
    (ids,) = [each["ids"] for each in content["sections"][0]["figures"] if each["name"] == "undone"]
    assert ids == [str(good.id)]


def test_nothing_is_one_line(typed: Typed) -> None:
    said = typed("report --since 1h")

    assert "no incident came in, and no run for none ended." in said
    assert len(said.splitlines()) == 1
