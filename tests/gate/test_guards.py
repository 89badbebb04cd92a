"""From the policy file to the gate: what the file says is what the gate goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.config import policy as policies
from cct_ops.gate import autonomy, guards
from cct_ops.gate.guards import autonomy_of, intent, outcome_of
from cct_ops.ledger.record import account
from cct_ops.models.autonomy import AutonomyLevel, Demotion
from cct_ops.models.guards import (
    Backoff,
    Guard,
    GuardResult,
    GuardSettings,
    RecurringFixes,
    Rules,
    Storm,
)
from cct_ops.models.run import Mode, Outcome, Run
from cct_ops.reports.messages import demotion_message, raise_message
from tests.ledger.history import PLAYBOOK, TARGET, a_run, attempt, plan

POLICY = """
playbooks:
  auto-rollback: {{ceiling: {ceiling}, targets: ["/daily-*"]{more}}}
guards:
  cool_down_minutes: 1
  failed_attempts: 2
  recurring_fixes: {{count: 4, within_hours: 5}}
  backoff: {{first_minutes: 6, longest_minutes: 7}}
  actions_per_hour: 8
  storm: {{incidents: 9, within_minutes: 11}}
maintenance:
  - {{name: the move, start: "00:00", end: "00:00"}}
autonomy:
  verified_fixes: 2
  recurs_within_hours: 3
  classes: {{dailies: ["/daily-*"]}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy in which no setting has the value that it would have by itself."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(ceiling="auto", more=""))
    return path


def rules_for(policy: Path, playbook: str) -> Rules | GuardResult:
    """What guards go by, by the file."""
    return guards.rules_for(policies.read(policy), tuple, playbook)


def effective_mode(engine: sa.Engine, policy: Path, mode: Mode) -> tuple[Mode, str]:
    """The mode that holds, by the file."""
    return guards.effective_mode(engine, policies.read(policy), mode, plan())


def earned(engine: sa.Engine, policy: Path) -> AutonomyLevel:
    """How far the record lets the playbook go, by the file."""
    return autonomy_of(engine, policies.read(policy), PLAYBOOK, TARGET)


def demotion_by(engine: sa.Engine, policy: Path, run: Run) -> Demotion | None:
    """The fall that the run led to, by the file."""
    with engine.connect() as connection:
        return autonomy.demotion_by(
            connection, policies.read(policy), account.of_run(engine, run.id)
        )


def test_every_setting_of_the_file_reaches_the_guards(policy: Path) -> None:
    rules = rules_for(policy, PLAYBOOK)

    assert isinstance(rules, Rules)
    assert rules.settings == GuardSettings(
        cool_down_minutes=1,
        failed_attempts=2,
        recurring_fixes=RecurringFixes(count=4, within_hours=5),
        backoff=Backoff(first_minutes=6, longest_minutes=7),
        actions_per_hour=8,
        storm=Storm(incidents=9, within_minutes=11),
    )
    assert [window.name for window in rules.maintenance] == ["the move"]
    assert rules.allowed == ("/daily-*",)


def test_a_playbook_that_policy_does_not_name_has_no_targets(policy: Path) -> None:
    rules = rules_for(policy, "something-else")

    assert isinstance(rules, Rules)
    assert rules.allowed == ()


def test_the_lowest_of_request_ceiling_and_record_holds(engine: sa.Engine, policy: Path) -> None:
    assert effective_mode(engine, policy, Mode.AUTO)[0] is Mode.AUTO
    assert effective_mode(engine, policy, Mode.OBSERVE)[0] is Mode.OBSERVE
    attempt(engine, Outcome.FAILED, target="/daily-other", ago=timedelta(hours=1))

    mode, reason = effective_mode(engine, policy, Mode.AUTO)
    assert mode is Mode.APPROVE
    assert "The record allows no more than approve now: ineffective fix of /daily-other" in reason

    policy.write_text(POLICY.format(ceiling="observe", more=""))
    assert effective_mode(engine, policy, Mode.AUTO)[0] is Mode.OBSERVE


def test_a_person_gives_trust_back_in_the_file(engine: sa.Engine, policy: Path) -> None:
    attempt(engine, Outcome.FAILED, ago=timedelta(hours=1))
    now = datetime.now(UTC).isoformat()

    policy.write_text(POLICY.format(ceiling="auto", more=f", clean_since: {now}"))

    assert effective_mode(engine, policy, Mode.AUTO)[0] is Mode.AUTO


def test_a_fix_recurs_within_the_hours_of_the_file(engine: sa.Engine, policy: Path) -> None:
    attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=2))
    assert effective_mode(engine, policy, Mode.AUTO)[0] is Mode.APPROVE

    policy.write_text(
        policy.read_text().replace("recurs_within_hours: 3", "recurs_within_hours: 1")
    )

    assert effective_mode(engine, policy, Mode.AUTO)[0] is Mode.AUTO


def test_a_raise_is_proposed_after_the_files_count_of_fixes(
    engine: sa.Engine, policy: Path
) -> None:
    policy.write_text(POLICY.format(ceiling="approve", more=""))
    attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=9))
    assert earned(engine, policy).proposal is None
    attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=5))

    autonomy_level = earned(engine, policy)

    assert autonomy_level.proposal is not None
    assert autonomy_level.is_news
    attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=1))
    assert not earned(engine, policy).is_news


def dropped(engine: sa.Engine, policy: Path, run: Run) -> tuple[Mode, Mode] | None:
    """From where to where the run let its playbook fall."""
    demotion = demotion_by(engine, policy, run)
    return None if demotion is None else (demotion.before, demotion.after)


def test_a_fall_is_news_once_and_of_the_run_that_led_to_it(engine: sa.Engine, policy: Path) -> None:
    good = attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=9))
    bad = attempt(engine, Outcome.FAILED, ago=timedelta(hours=2))
    worse = attempt(engine, Outcome.UNDONE, ago=timedelta(hours=1))

    assert dropped(engine, policy, good) is None
    assert dropped(engine, policy, bad) == (Mode.AUTO, Mode.APPROVE)
    assert dropped(engine, policy, worse) is None, "it stood no higher before"


def test_a_fix_that_did_not_last_lets_it_fall_when_it_is_needed_again(
    engine: sa.Engine, policy: Path
) -> None:
    fix = attempt(engine, Outcome.RESOLVED, ago=timedelta(hours=2))
    again = attempt(engine, Outcome.RESOLVED)

    assert dropped(engine, policy, fix) is None
    assert dropped(engine, policy, again) == (Mode.AUTO, Mode.APPROVE)


def test_the_notice_of_a_fall_says_why_and_what_raises_it_again(
    engine: sa.Engine, policy: Path
) -> None:
    ago = timedelta(minutes=1)  # the moment that is offered has no fractions of a second
    demotion = demotion_by(engine, policy, attempt(engine, Outcome.FAILED, ago=ago))
    assert demotion is not None

    text, blocks = demotion_message(a_run(), demotion, None)

    assert "auto-rollback may do less on targets like /daily-summary: approve instead" in text
    said = blocks[0]["text"]["text"]
    assert "ineffective fix of /daily-summary" in said
    assert "After 2 verified fixes" in said
    restored = said.split("```")[1].partition("clean_since: ")[2]
    policy.write_text(POLICY.format(ceiling="auto", more=f", clean_since: {restored}"))
    assert earned(engine, policy).mode is Mode.AUTO


def test_a_record_that_cannot_be_read_leaves_only_looking(engine: sa.Engine, policy: Path) -> None:
    with engine.begin() as tx:
        tx.execute(sa.text("alter table verifications rename to lost"))

    mode, reason = effective_mode(engine, policy, Mode.AUTO)

    assert mode is Mode.OBSERVE
    assert "cannot be read" in reason


def test_only_a_run_without_incident_in_approve_mode_is_a_persons_own() -> None:
    started_by_hand, started_by_alert = a_run(), a_run(incident_id=uuid4())

    assert intent(plan(), started_by_hand, Mode.APPROVE).by_person
    assert not intent(plan(), started_by_hand, Mode.AUTO).by_person
    assert not intent(plan(), started_by_alert, Mode.APPROVE).by_person
    assert intent(plan(calls=3), started_by_hand, Mode.AUTO).calls == 3


def test_each_guard_ends_a_run_in_its_own_way() -> None:
    ends = {guard: outcome_of(GuardResult(guard=guard, stops=True, detail="-")) for guard in Guard}

    assert ends.pop(Guard.STORM) is Outcome.RECOMMENDED
    assert ends.pop(Guard.MERGE) is Outcome.MERGED
    assert set(ends.values()) == {Outcome.BLOCKED}


def test_the_notice_of_a_raise_holds_lines_that_can_be_merged_as_they_are() -> None:
    proposal = "playbooks:\n  auto-rollback:\n    ceiling: auto"

    text, blocks = raise_message(a_run(), TARGET, "2 fixes & no <bad> one", proposal, None)

    assert "auto-rollback has earned more on targets like /daily-summary" in text
    assert proposal in blocks[0]["text"]["text"]
    assert "2 fixes &amp; no &lt;bad&gt; one" in blocks[0]["text"]["text"]
