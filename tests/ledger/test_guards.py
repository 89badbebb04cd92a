"""Guards on a real ledger: each is computed from the record, and each setting moves its guard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import approvals, guards, locks, switches
from cct_ops.ledger.gate.approvals import ApprovalRequirement
from cct_ops.ledger.gate.guards import first_stop, guard_results
from cct_ops.models.guards import Guard, GuardResult, GuardSettings, Intent, Rules
from cct_ops.models.maintenance import Window
from cct_ops.models.run import Outcome
from cct_ops.models.silence import Matcher, Silence
from cct_ops.models.verification import Verdict
from tests.ledger.alerts import opened
from tests.ledger.history import PLAYBOOK, TARGET, Conclusion, a_run, attempt, permitted, plan

OFF: dict[str, Any] = {
    "cool_down_minutes": 0,
    "failed_attempts": 1000,
    "recurring_fixes": {"count": 1000},
    "backoff": {"first_minutes": 0},
    "actions_per_hour": 1000,
    "storm": {"incidents": 1000},
}
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def rules(**settings: Any) -> Rules:
    """All guards as good as off, but for these settings."""
    return Rules(
        settings=GuardSettings.model_validate(OFF | settings),
        maintenance=(),
        allowed=("/*",),
        silences=(),
    )


def wanting(**more: Any) -> Intent:
    """A run that wants one change of the target."""
    return Intent.model_validate(
        {"playbook": PLAYBOOK, "target": TARGET, "calls": 1, "run_id": uuid4()} | more
    )


def stop(engine: sa.Engine, by: Rules, intent: Intent | None = None) -> GuardResult | None:
    with engine.connect() as connection:
        return first_stop(connection, intent or wanting(), by)


def stops(engine: sa.Engine, by: Rules, intent: Intent | None = None) -> Guard | None:
    """The guard that stops the change, if one does."""
    found = stop(engine, by, intent)
    return found.guard if found else None


def test_nothing_stands_against_the_first_change(engine: sa.Engine) -> None:
    assert stops(engine, rules()) is None
    with engine.connect() as connection:
        seen = guard_results(connection, wanting(), rules())
    assert [each.stops for each in seen] == [False] * 12


def test_the_kill_switch_stops_everything_until_it_is_put_back(engine: sa.Engine) -> None:
    switches.stop(engine, "a bad release", "ada")

    found = stop(engine, rules(), wanting(by_person=True))
    assert found is not None
    assert found.guard is Guard.KILL_SWITCH
    assert "stopped by ada, a bad release" in found.reason

    switches.resume(engine, "it is over", "ada")
    assert stops(engine, rules()) is None


def test_alerts_are_still_taken_in_while_everything_is_stopped(engine: sa.Engine) -> None:
    switches.stop(engine, "a bad release", "ada")

    assert opened(engine) is not None


def test_a_hold_keeps_automation_off_one_target_until_it_ends(engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    assert switches.hold(engine, TARGET, now + HOUR, "I am on it", "ada")

    found = stop(engine, rules())
    assert found is not None
    assert (found.guard, found.until) == (Guard.HOLD, now + HOUR)
    assert stops(engine, rules(), wanting(target="/weekly-review")) is None

    assert len(switches.release(engine, TARGET, "ada")) == 1
    assert stops(engine, rules()) is None
    assert not switches.hold(engine, TARGET, now - HOUR, "too late", "ada")


def test_a_hold_that_is_over_stops_nothing(engine: sa.Engine) -> None:
    switches.hold(engine, TARGET, datetime.now(UTC) + timedelta(seconds=2), "briefly", "ada")
    assert stops(engine, rules()) is Guard.HOLD

    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while stops(engine, rules()) is Guard.HOLD:
        assert datetime.now(UTC) < deadline


def test_a_maintenance_window_that_is_open_stops_changes(engine: sa.Engine) -> None:
    always = Window(name="the move", start="00:00", end="00:00")
    elsewhere = Window(name="the move", start="00:00", end="00:00", targets=("/weekly-*",))

    assert stops(engine, rules().model_copy(update={"maintenance": (always,)})) is Guard.MAINTENANCE
    assert stops(engine, rules().model_copy(update={"maintenance": (elsewhere,)})) is None


def test_a_silence_stops_the_runs_of_incidents_that_it_matches(engine: sa.Engine) -> None:
    silence = Silence(
        id="1",
        matchers=(Matcher(label="route", operator="=~", value="/daily.*"),),
        ends_at=datetime(2030, 1, 1, tzinfo=UTC),
        created_by="ada",
        comment="known",
    )
    silenced = rules().model_copy(update={"silences": (silence,)})
    ours = opened(engine, route=TARGET)
    other = opened(engine, route="/weekly-review")

    assert stops(engine, silenced, wanting(incident_id=ours)) is Guard.SILENCE
    assert stops(engine, silenced, wanting(incident_id=other)) is None
    assert stops(engine, silenced, wanting()) is None


def test_only_listed_targets_are_changed(engine: sa.Engine) -> None:
    listed = rules().model_copy(update={"allowed": ("/daily-*",)})

    assert stops(engine, listed) is None
    assert stops(engine, listed, wanting(target="/weekly-review")) is Guard.ALLOW_LIST
    assert stops(engine, rules().model_copy(update={"allowed": ()})) is Guard.ALLOW_LIST


def test_many_new_incidents_at_once_are_a_storm(engine: sa.Engine) -> None:
    for _ in range(3):
        opened(engine)

    assert stops(engine, rules(storm={"incidents": 4, "within_minutes": 5})) is None
    storm = rules(storm={"incidents": 3, "within_minutes": 5})
    assert stops(engine, storm) is Guard.STORM
    assert stops(engine, storm, wanting(by_person=True)) is None
    assert stops(engine, rules(storm={"incidents": 3, "within_minutes": 1e-7})) is None


def test_the_cool_down_is_counted_per_playbook_and_target(engine: sa.Engine) -> None:
    run = attempt(engine, Outcome.RESOLVED, ago=4 * MINUTE)

    assert stops(engine, rules(cool_down_minutes=3)) is None
    cooling = rules(cool_down_minutes=5)
    assert stops(engine, cooling) is Guard.COOL_DOWN
    assert stops(engine, cooling, wanting(target="/weekly-review")) is None
    assert stops(engine, cooling, wanting(playbook="key-rotation")) is None
    assert stops(engine, cooling, wanting(run_id=run.id)) is None  # it goes on after a crash


@pytest.mark.parametrize(
    "outcome", [Outcome.UNDONE, Outcome.FAILED, Outcome.UNVERIFIED, Outcome.VOID]
)
def test_the_breaker_opens_after_failed_attempts(engine: sa.Engine, outcome: Outcome) -> None:
    attempt(engine, outcome, ago=2 * HOUR)
    attempt(engine, outcome, ago=HOUR)

    assert stops(engine, rules(failed_attempts=3)) is None
    assert stops(engine, rules(failed_attempts=2)) is Guard.FAILED_ATTEMPTS


def test_only_a_verified_fix_closes_the_breaker(engine: sa.Engine) -> None:
    breaker = rules(failed_attempts=2)
    attempt(engine, Outcome.FAILED, ago=400 * HOUR)
    attempt(engine, Outcome.FAILED, ago=300 * HOUR)
    attempt(engine, Outcome.NOTHING_TO_DO, ago=2 * HOUR)
    assert stops(engine, breaker) is Guard.FAILED_ATTEMPTS  # time alone does not close it
    attempt(engine, Outcome.RESOLVED, ago=HOUR, verdict=Verdict.TOO_FEW_SAMPLES)
    assert stops(engine, breaker) is Guard.FAILED_ATTEMPTS  # nor does a run that calls itself done

    attempt(engine, Outcome.RESOLVED, ago=MINUTE)

    assert stops(engine, breaker) is None


def test_a_person_who_approves_a_run_of_their_own_gets_past_an_open_breaker(
    engine: sa.Engine,
) -> None:
    attempt(engine, Outcome.FAILED)

    assert stops(engine, rules(failed_attempts=1), wanting(by_person=True)) is None


def test_a_run_that_died_without_a_word_is_a_failed_attempt(engine: sa.Engine) -> None:
    breaker = rules(failed_attempts=1)
    permit = permitted(engine, a_run(), plan())
    assert stops(engine, breaker) is None  # it may still be at work: that is what the lock is for

    with engine.begin() as tx:
        tx.execute(
            sa.text("update permits set expires_at = now() where id = :id"), {"id": permit.id}
        )

    assert stops(engine, breaker) is Guard.FAILED_ATTEMPTS


def test_fixes_that_do_not_last_open_the_other_breaker(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=3 * HOUR)
    attempt(engine, Outcome.RESOLVED, ago=2 * HOUR)

    assert stops(engine, rules(recurring_fixes={"count": 3, "within_hours": 4})) is None
    assert stops(engine, rules(recurring_fixes={"count": 2, "within_hours": 2.5})) is None
    recurring = rules(recurring_fixes={"count": 2, "within_hours": 4})
    assert stops(engine, recurring) is Guard.RECURRING_FIXES
    assert stops(engine, recurring, wanting(by_person=True)) is None


def test_the_pause_after_a_failed_attempt_doubles_up_to_a_limit(engine: sa.Engine) -> None:
    attempt(engine, Outcome.FAILED, ago=9 * MINUTE)
    assert stops(engine, rules(backoff={"first_minutes": 8})) is None
    assert stops(engine, rules(backoff={"first_minutes": 10})) is Guard.BACKOFF

    attempt(engine, Outcome.FAILED, ago=9 * MINUTE)
    assert stops(engine, rules(backoff={"first_minutes": 8})) is Guard.BACKOFF
    assert stops(engine, rules(backoff={"first_minutes": 8, "longest_minutes": 8.5})) is None

    attempt(engine, Outcome.RESOLVED)
    assert stops(engine, rules(backoff={"first_minutes": 10})) is None


def test_the_budget_counts_the_actions_of_all_playbooks(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=61 * MINUTE)
    attempt(engine, Outcome.RESOLVED, ago=30 * MINUTE, target="/weekly-review")
    attempt(engine, Outcome.FAILED, ago=20 * MINUTE, playbook="key-rotation")

    assert stops(engine, rules(actions_per_hour=2)) is Guard.BUDGET
    assert stops(engine, rules(actions_per_hour=3)) is None
    assert stops(engine, rules(actions_per_hour=3), wanting(calls=2)) is Guard.BUDGET


def test_a_run_that_would_ask_joins_one_that_waits_for_the_same_yes(engine: sa.Engine) -> None:
    first = a_run()
    requirement = ApprovalRequirement(why="Somebody has to say yes.", seconds=60)
    approvals.request(engine, Conclusion(plan()), plan(), first, requirement)

    def waiting(**more: Any) -> object:
        with engine.connect() as connection:
            return guards.waiting_run(connection, wanting(**more))

    assert waiting() == first.id
    assert waiting(run_id=first.id) is None
    assert waiting(target="/weekly-review") is None
    assert waiting(playbook="key-rotation") is None
    approvals.void(engine, first.id, "over")
    assert waiting() is None


def test_guards_that_cannot_be_read_stop_everything(engine: sa.Engine) -> None:
    with engine.begin() as tx:
        tx.execute(sa.text("alter table holds rename to lost"))

    found = stop(engine, rules(), wanting(by_person=True))

    assert found is not None
    assert found.guard is Guard.UNREADABLE
    assert "ProgrammingError" in found.reason


def test_a_dead_runs_lock_is_taken_over_only_after_its_expiry(engine: sa.Engine) -> None:
    dead, next_one = uuid4(), uuid4()
    old = locks.acquire(engine, TARGET, dead, seconds=3)
    assert old is not None
    assert locks.acquire(engine, TARGET, next_one, seconds=60) is None

    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while (new := locks.acquire(engine, TARGET, next_one, seconds=60)) is None:
        assert datetime.now(UTC) < deadline

    assert new > old
    assert not locks.renew(engine, TARGET, old, seconds=60)
    locks.release(engine, TARGET, old)  # of the one that came back from the dead
    assert locks.acquire(engine, TARGET, uuid4(), seconds=60) is None
