"""A report's figures are those that a person reckons by hand, and each names what is behind it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.tables import actions
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.run import Outcome
from cct_ops.record.report import checks, facts, figures, minutes, words
from cct_ops.record.report.model import Report, Section, Unit
from tests.conftest import ROOT
from tests.ledger.history import TARGET, a_run, attempt, permitted, plan
from tests.record.a_day import BEGAN, Day, a_day
from tests.record.test_account import arrive

# By name: the value, what it is a part of, and the stories behind it.
TOTAL = {
    "incidents": (5, None, "fixed undone paged again waits"),
    "acknowledged": (4, 5, "fixed undone paged again"),
    "without a run": (2, 5, "paged waits"),
    "runs by a person": (1, None, "manual"),
    "runs by a schedule": (1, None, "weekly"),
    "attempts": (3, None, "fixed undone manual"),
    "verified fixes": (2, 3, "fixed manual"),
    "undone": (1, 3, "undone"),
    "undo failed": (0, 3, ""),
    "came back within 1 h": (1, 2, "fixed"),
    "came back within 24 h": (1, 2, "fixed"),
    "ended: Blocked": (1, None, "again"),
    "ended: Nothing to do": (1, None, "weekly"),
    "ended: Resolved": (2, None, "fixed manual"),
    "ended: Undone": (1, None, "undone"),
    "ended: no run": (1, None, "paged"),
    "ended: waits": (1, None, "waits"),
    # 1, 3, 60 and 1 seconds: 3 + 0.85 * 57 is the 95th percentile
    "to acknowledge, median": (2, None, "fixed undone paged again"),
    "to acknowledge, p95": (51.45, None, "fixed undone paged again"),
    "to first look, median": (4, None, "fixed undone again"),
    "to first look, p95": (4, None, "fixed undone again"),
    "to first change, median": (15, None, "fixed undone"),
    "to first change, p95": (19.5, None, "fixed undone"),
    "to verified fix, median": (70, None, "fixed"),
    "to verified fix, p95": (70, None, "fixed"),
    "blocked": (1, None, "again"),
    "blocked by hold": (1, None, "again"),
    "asked for": (2, None, "fixed undone"),
    "approved": (1, 2, "fixed"),
    "declined": (0, 2, ""),
    "expired": (1, 2, "undone"),
    "void": (0, 2, ""),
    "pending": (0, 2, ""),
    "waited, median": (5, None, "fixed"),
    "waited, p95": (5, None, "fixed"),
    "made": (1, None, "manual"),
    "overdue now": (1, 1, "manual"),
    "were reported overdue": (1, 1, "manual"),
    # 2 minutes for 9 commands to look, 1 to repair, less 1 answer; for 3 and 1; for 2
    "minutes saved": (18 + 8 + 4, None, "fixed manual weekly"),
}


def reported(engine: sa.Engine, since: datetime = BEGAN) -> Report:
    """Return the report on what the ledger knows."""
    sound, left_out = checks.checked(facts.read(engine, since))
    return figures.reckon(sound, left_out)


def shown(section: Section) -> dict[str, tuple[object, int | None, set[str]]]:
    """Return each figure of a section by its name."""
    return {each.name: (each.value, each.of, set(each.ids)) for each in section.figures}


@pytest.fixture
def day(engine: sa.Engine) -> Day:
    """A day that was reckoned by hand."""
    return a_day(engine)


def test_the_figures_are_those_reckoned_by_hand(
    engine: sa.Engine, day: Day, statements: list[str]
) -> None:
    """In total: four statements, however many incidents there are."""
    found = reported(engine)

    assert found.left_out == ()
    assert len(statements) == 4
    assert shown(found.total) == {
        name: (pytest.approx(value), whole, {day.ids[story] for story in stories.split()})
        for name, (value, whole, stories) in TOTAL.items()
    }


def test_each_playbook_has_its_own(engine: sa.Engine, day: Day) -> None:
    """And what has none stands by itself; together they are the total."""
    found = reported(engine)
    by_name = {section.playbook: section for section in found.playbooks}

    assert set(by_name) == {
        "auto-rollback",
        "canary-issue",
        "rate-limiting",
        "exemption-weekly-report",
        figures.NO_PLAYBOOK,
    }
    mine = by_name["auto-rollback"]
    assert set(mine["incidents"].ids) == {day.ids["fixed"], day.ids["again"]}
    assert mine["to acknowledge, p95"].value == 1
    assert mine["blocked by hold"].ids == (day.ids["again"],)
    assert mine["minutes saved"].value == 18
    assert set(by_name[figures.NO_PLAYBOOK]["incidents"].ids) == {
        day.ids["paged"],
        day.ids["waits"],
    }
    for figure in found.total.figures:
        if figure.unit is not Unit.SECONDS:
            same = [each for part in found.playbooks for each in part.figures]
            parts = [each.value or 0 for each in same if each.name == figure.name]
            assert sum(parts) == figure.value, figure.name


def test_only_what_came_since_counts(engine: sa.Engine, day: Day) -> None:
    found = reported(engine, BEGAN + timedelta(seconds=1000))

    assert set(found.total["incidents"].ids) == {day.ids["again"], day.ids["waits"]}
    assert found.total["verified fixes"].ids == (day.ids["manual"],)


def test_a_row_that_cannot_be_true_is_named_and_left_out(engine: sa.Engine, day: Day) -> None:
    """The others stand."""
    with engine.begin() as tx:
        late = BEGAN + timedelta(seconds=71)
        fixed = sa.select(incidents.c.id).where(incidents.c.id == UUID(day.ids["fixed"]))
        run = sa.select(resolutions.c.run_id).where(resolutions.c.incident_id.in_(fixed))
        permit = sa.text("permit_id in (select id from permits where run_id = :run)")
        moved = sa.update(actions).where(permit).values(intended_at=late)
        tx.execute(moved, {"run": tx.scalar(run)})
        unknown = resolutions.c.incident_id == UUID(day.ids["again"])
        tx.execute(sa.update(resolutions).where(unknown).values(outcome="Lovely"))
        early = dispatches.c.incident_id == UUID(day.ids["undone"])
        tx.execute(sa.update(dispatches).where(early).values(finished_at=BEGAN))

    found = reported(engine)

    assert {each.id: each.why for each in found.left_out} == {
        day.ids["fixed"]: ("its fix was verified before its first change",),
        day.ids["again"]: ("its outcome is none that there is",),
        day.ids["undone"]: ("it was acknowledged before it came in",),
    }
    assert set(found.total["incidents"].ids) == {day.ids["paged"], day.ids["waits"]}
    assert found.total["asked for"].value == 0


def test_nothing_is_a_sentence(engine: sa.Engine) -> None:
    found = reported(engine)

    assert found.playbooks == ()
    assert {each.value for each in found.total.figures} == {0, None}
    assert "no incident came in, and no run for none ended" in words.first_sentence(found)


def test_one_incident_without_a_run_is_a_sentence(engine: sa.Engine) -> None:
    incident = arrive(engine)

    found = reported(engine)

    assert found.total["without a run"].ids == (str(incident),)
    said = words.first_sentence(found)
    assert said.endswith("1 incident, 1 of them without a run; no run for no incident ended.")


def test_runs_for_no_incident_are_a_sentence(engine: sa.Engine) -> None:
    """By whom they were started stands in it, also where nobody knows."""
    run = attempt(engine, Outcome.RESOLVED)

    found = reported(engine)

    assert found.total["verified fixes"].ids == (str(run.id),)
    assert found.total["to verified fix, median"].value is None
    said = words.first_sentence(found)
    assert said.endswith("0 incidents; 1 run for no incident ended: 1 by nobody known.")


def test_a_run_that_cleans_up_after_another_is_no_case_of_its_own(engine: sa.Engine) -> None:
    """It belongs to the incident of that one, as in its account."""
    run, recovery = a_run(incident_id=arrive(engine)), a_run("recover")
    permitted(engine, run, plan())
    leases.touch(engine, run.id, 60)
    with engine.begin() as tx:
        tx.execute(sa.text("update run_leases set expires_at = clock_timestamp()"))
    assert leases.reap(engine, run.id)
    with leases.claim(engine, run.id) as held:
        assert held is not None
        leases.record_successor(*held, recovery.id, recovery=True)
    account.record_outcome(engine, run, TARGET, Outcome.UNDONE, "put back")
    account.record_outcome(engine, recovery, TARGET, Outcome.RESOLVED, "by recover")

    found = reported(engine)

    assert [section.playbook for section in found.playbooks] == ["auto-rollback"]
    assert found.total["undone"].ids == (str(run.incident_id),)
    assert found.total["ended: Undone"].value == 1


def test_minutes_are_saved_by_the_rule_alone() -> None:
    """Never less than none; of what has no section in the runbook, none."""
    assert minutes.saved("auto-rollback", "Resolved", fixed=True, answers=0) == 20
    assert minutes.saved("auto-rollback", "Recommended", fixed=False, answers=1) == 16
    assert minutes.saved("auto-rollback", "Failed", fixed=False, answers=0) == 0
    assert minutes.saved("exemption-cleanup", "Recommended", fixed=False, answers=9) == 0
    assert minutes.saved("game-day", "Passed", fixed=False, answers=0) == 0
    assert minutes.saved(None, None, fixed=False, answers=0) == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (60, "1.0 min"), (3600, "1.0 h"), (200_000, "2.3 d")],
)
def test_a_length_of_time_has_as_many_digits_as_matter(seconds: float, said: str) -> None:
    assert words.took(seconds) == said


def test_the_page_on_reports_has_the_table_of_minutes() -> None:
    """And its sections are those of the manual runbook."""
    page = (ROOT / "docs" / "reports.md").read_text()
    runbook = (ROOT / "docs" / "ops-playbooks.md").read_text()

    rows = re.findall(r"^\| ([a-z-]+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert rows == [
        (name, str(each.look), str(each.repair)) for name, each in minutes.MANUAL.items()
    ]
    assert all(f"\n## {each.section}\n" in runbook for each in minutes.MANUAL.values())
