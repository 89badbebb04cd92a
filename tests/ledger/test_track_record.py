"""Earned autonomy: the ladder as the record has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from cct_ops.ledger.gate import track_record
from cct_ops.ledger.record import account
from cct_ops.models.autonomy import AutonomyLevel, AutonomySettings, Flaw, TrackRecord, level_of
from cct_ops.models.run import Mode, Outcome
from tests.ledger.history import PLAYBOOK, TARGET, a_run, attempt, decided

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SETTINGS = AutonomySettings(
    verified_fixes=2, recurs_within_hours=1, classes={"dailies": ("/daily-*",)}
)


def read(
    engine: sa.Engine,
    target: str = TARGET,
    *,
    settings: AutonomySettings = SETTINGS,
    clean_since: datetime | None = None,
    wanted_again: bool = False,
) -> TrackRecord:
    with engine.connect() as connection:
        return track_record.of(
            connection,
            PLAYBOOK,
            settings.class_of(target),
            recurs_within_hours=settings.recurs_within_hours,
            clean_since=clean_since,
            wanted_again=target if wanted_again else None,
        )


def earned_level(
    engine: sa.Engine, ceiling: Mode = Mode.AUTO, target: str = TARGET
) -> AutonomyLevel:
    return level_of(ceiling, PLAYBOOK, read(engine, target), SETTINGS, datetime.now(UTC))


def test_a_playbook_without_a_record_may_do_what_policy_says(engine: sa.Engine) -> None:
    for ceiling in Mode:
        assert earned_level(engine, ceiling).mode is ceiling


def test_an_ineffective_fix_costs_the_whole_class_its_autonomy_at_once(engine: sa.Engine) -> None:
    attempt(engine, Outcome.UNDONE, target="/daily-other")

    lowered = earned_level(engine)

    assert lowered.mode is Mode.APPROVE
    assert "ineffective fix of /daily-other" in lowered.reason
    assert earned_level(engine, target="/weekly-review").mode is Mode.AUTO


def test_a_refusal_is_no_bad_fix(engine: sa.Engine) -> None:
    """Nothing was changed, so it says nothing about what the playbook can do."""
    account.record_outcome(engine, a_run(), TARGET, Outcome.BLOCKED, "a hold")

    assert earned_level(engine).mode is Mode.AUTO


def test_a_fix_that_does_not_last_is_a_bad_one(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=90 * MINUTE)
    assert read(engine).ineffective is None

    # Half an hour later the gate sees a plan for the same target.
    decided(engine, a_run(), "Blocked", ago=HOUR)

    found = read(engine).ineffective
    assert found is not None
    assert found.what == "its verified fix did not last"
    late = SETTINGS.model_copy(update={"recurs_within_hours": 0.4})
    assert read(engine, settings=late).ineffective is None


def test_the_recurrence_counts_in_the_very_run_that_meets_it(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=30 * MINUTE)

    assert read(engine).ineffective is None
    assert read(engine, wanted_again=True).ineffective is not None
    assert read(engine, "/daily-other", wanted_again=True).ineffective is None


def test_what_could_not_be_undone_leaves_only_looking(engine: sa.Engine) -> None:
    decided(engine, a_run(), account.UNDO_FAILED)

    assert earned_level(engine).mode is Mode.OBSERVE


def test_good_fixes_raise_nothing_but_propose_it(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=5 * HOUR)
    assert earned_level(engine, Mode.APPROVE).proposal is None
    attempt(engine, Outcome.RESOLVED, ago=3 * HOUR)

    earned = earned_level(engine, Mode.APPROVE)

    assert earned.mode is Mode.APPROVE
    assert earned.proposal == "playbooks:\n  auto-rollback:\n    ceiling: auto"
    assert earned_level(engine, Mode.AUTO).proposal is None


def test_lost_trust_is_given_back_by_a_person_only(engine: sa.Engine) -> None:
    attempt(engine, Outcome.FAILED, ago=9 * HOUR)
    attempt(engine, Outcome.RESOLVED, ago=5 * HOUR)
    attempt(engine, Outcome.RESOLVED, ago=3 * HOUR)

    lowered = earned_level(engine)

    assert lowered.mode is Mode.APPROVE
    assert lowered.proposal is not None
    assert "clean_since: 20" in lowered.proposal
    merged = read(engine, clean_since=datetime.now(UTC))
    assert level_of(Mode.AUTO, PLAYBOOK, merged, SETTINGS, datetime.now(UTC)).mode is Mode.AUTO


def test_fixes_from_before_the_last_bad_one_speak_for_nothing(engine: sa.Engine) -> None:
    attempt(engine, Outcome.RESOLVED, ago=9 * HOUR)
    attempt(engine, Outcome.RESOLVED, ago=7 * HOUR)
    attempt(engine, Outcome.UNVERIFIED, ago=5 * HOUR)

    found = read(engine)

    assert found.verified_fixes == 0
    assert found.ineffective is not None
    assert found.ineffective.flaw is Flaw.INEFFECTIVE


def test_a_targets_own_name_is_its_class_where_policy_names_none() -> None:
    own = AutonomySettings().class_of("/100%_sure")

    assert (own.name, own.patterns) == ("/100%_sure", ("/100%_sure",))
