"""The report on incidents as a run: its numbers as tables, with the incidents behind each."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import State

from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from flows.incident_report import incident_report
from tasks import figures
from tests.commands.test_inbox import arrive
from tests.flows.run_assertions import artifacts_of, final, known
from tests.ledger.history import attempt
from tests.record.a_day import a_day

run = partial(final, incident_report, since="1d")


def tables(ended: State[Any]) -> dict[str, list[dict[str, str]]]:
    """Return the tables of a run, by their keys without what is common to all."""
    return {
        str(each.key).removeprefix("incident-report-"): json.loads(str(each.data))
        for each in artifacts_of(ended, "table")
    }


def test_the_numbers_are_shown_with_the_incidents_behind_them(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """CCT is not even asked, and people get one sentence."""
    day = a_day(engine)

    ended = run()

    assert (ended.name, ended.type.value) == ("Passed", "COMPLETED"), ended.message
    assert "5 incidents, 2 of them without a run" in (ended.message or "")
    shown = tables(ended)
    assert shown.keys() == {"numbers", "playbooks", "cases"}
    numbers = {row["number"]: row for row in shown["numbers"]}
    assert numbers["verified fixes"]["value"] == "2 of 3 (67%)"
    assert numbers["verified fixes"]["which"] == (f"{day.ids['fixed']}, {day.ids['manual']}")
    assert numbers["to acknowledge, p95"]["value"] == "51.4 s"
    by_playbook = {row["playbook"]: row for row in shown["playbooks"]}
    assert by_playbook["auto-rollback"]["incidents"] == "2"
    assert by_playbook["all"]["to first look, median"] == "4.0 s"
    cases = {row["id"]: row for row in shown["cases"]}
    assert cases.keys() == set(day.ids.values())
    assert "verified fixes" in cases[day.ids["fixed"]]["counts in"].split(", ")
    assert sandbox.requests() == []
    kinds = [
        (each.key, kind) for kind in ("table", "markdown") for each in artifacts_of(ended, kind)
    ]
    assert len({key for key, _ in kinds}) == len(kinds) == 5, "two kinds of one key hide each other"
    (message,) = sandbox.slack_messages()
    assert "5 incidents" in json.dumps(message.model_dump(mode="json"))


def test_what_is_too_long_says_how_much_more_there_is_and_which_command_has_it(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut off in silence."""
    day = a_day(engine)
    monkeypatch.setattr(figures, "MOST_IDS", 2)
    monkeypatch.setattr(figures, "MOST_ROWS", 3)

    ended = run()

    shown = tables(ended)
    numbers = {row["number"]: row for row in shown["numbers"]}
    assert numbers["incidents"]["which"] == (f"{day.ids['fixed']}, {day.ids['undone']} and 3 more")
    assert [row["id"] for row in shown["cases"]][-1] == day.ids["waits"]
    (described,) = [
        each.description
        for each in artifacts_of(ended, "table")
        if each.key == "incident-report-cases"
    ]
    assert "The newest 3 of the 7 incidents and runs behind the numbers" in str(described)
    assert "cct-ops report --since 1d --csv report.csv" in str(described)


def test_words_of_senders_are_no_markup(engine: sa.Engine) -> None:
    arrive(engine, "[x](http://evil.example)|<b>", "/x")

    ended = run()

    (row,) = tables(ended)["cases"]
    assert row["what"] == r"\[x\](http://evil.example)\|\<b\>"


def test_a_row_that_cannot_be_true_is_named_and_makes_the_run_red(engine: sa.Engine) -> None:
    bad = attempt(engine, Outcome.RESOLVED)
    with engine.begin() as tx:
        lovely = sa.update(resolutions).where(resolutions.c.run_id == bad.id)
        tx.execute(lovely.values(outcome="Lovely"))

    ended = run()

    assert ended.is_failed()
    assert known(engine, ended).outcome is Outcome.UNVERIFIED
    assert "Left out: 1 row that cannot be true." in (ended.message or "")
    texts = [str(each.data) for each in artifacts_of(ended, "markdown")]
    assert any(f"`{bad.id}`: its outcome is none that there is" in text for text in texts)


def test_nothing_is_a_report_too(engine: sa.Engine) -> None:
    ended = run()

    assert ended.name == "Passed"
    assert "no incident came in, and no run for none ended." in (ended.message or "")
    assert tables(ended)["cases"] == []
