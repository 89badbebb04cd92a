"""What a replay knows at a moment is what the ledger would say then."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import Policy
from cct_ops.gate import autonomy
from cct_ops.ledger.clock import read
from cct_ops.ledger.gate import switches
from cct_ops.ledger.gate.guards import guard_results
from cct_ops.ledger.gate.tables import actions, permits as permit_rows
from cct_ops.ledger.record.account import UNDO_FAILED
from cct_ops.models.guards import Intent, Rules, judge
from cct_ops.models.run import Outcome
from cct_ops.models.verification import Verdict
from cct_ops.replay.history import Held, RunOfThen, Switched
from cct_ops.replay.passage import Passages
from cct_ops.replay.recording import history_of
from cct_ops.replay.world import World
from tests.ledger.history import PLAYBOOK, a_run, attempt, decided, permitted, plan

MINUTE = timedelta(minutes=1)
TARGETS = ("/daily-summary", "/daily-other", "/weekly-review")
POLICY = Policy.model_validate(
    {
        "playbooks": {PLAYBOOK: {"ceiling": "auto", "targets": ["/*"]}},
        "autonomy": {"verified_fixes": 2, "classes": {"dailies": ["/daily-*"]}},
        "guards": {"recurring_fixes": {"count": 3, "within_hours": 3}},
    }
)


def _happen(engine: sa.Engine, chance: random.Random) -> None:
    """Let something have been done, some time ago."""
    ago = chance.randrange(1, 400) * MINUTE
    target = chance.choice(TARGETS)
    match chance.randrange(8):
        case 0 | 1:
            attempt(engine, Outcome.RESOLVED, ago=ago, target=target)
        case 2:
            outcome = chance.choice((Outcome.UNDONE, Outcome.FAILED, Outcome.UNVERIFIED))
            attempt(engine, outcome, ago=ago, target=target)
        case 3:
            unproved = Verdict.TOO_FEW_SAMPLES
            attempt(engine, Outcome.RESOLVED, ago=ago, target=target, verdict=unproved)
        case 4:
            decided(
                engine, a_run(), chance.choice(("Blocked", "Recommended")), plan(target), ago=ago
            )
        case 5:
            run = attempt(engine, Outcome.FAILED, ago=ago, target=target)
            _refuse(engine, run.id)
        case 6:
            decided(engine, a_run(), UNDO_FAILED, plan(target), ago=ago)
        case 7:
            run = attempt(engine, Outcome.FAILED, ago=ago, target=target)
            earlier = permit_rows.c.issued_at - 300 * MINUTE
            with engine.begin() as tx:
                mine = sa.update(permit_rows).where(permit_rows.c.run_id == run.id)
                tx.execute(mine.values(issued_at=earlier))


def _refuse(engine: sa.Engine, run_id: UUID) -> None:
    """Let CCT have refused all that the run sent."""
    row = "select id, 0, '{}'::jsonb, 'not done' from permits where run_id = :run"
    with engine.begin() as tx:
        tx.execute(
            sa.text(f"insert into actions (permit_id, position, call, state) {row}"),
            {"run": run_id},
        )
        assert tx.scalar(sa.select(sa.func.count()).select_from(actions))


def _told(engine: sa.Engine, now: datetime) -> World:
    """Return the world after all that the ledger's history tells of."""
    world = World(POLICY)
    events: list[tuple[datetime, int, Callable[[datetime], None]]] = []

    def when(at: datetime, act: Callable[[datetime], None]) -> None:
        events.append((at, len(events), act))

    for line in history_of(engine, now - timedelta(days=1)):
        match line:
            case RunOfThen():
                Passages(POLICY, world, when).repeat(line)
            case Switched():
                world.switches.append(line)
            case Held():
                world.holds[line.target].append(line)
    for at, _, act in sorted(events, key=lambda each: each[:2]):
        if at <= now:
            act(at)
    return world


@pytest.mark.parametrize("seed", range(10))
def test_guards_and_record_say_the_same_of_a_replay_as_of_the_ledger(
    engine: sa.Engine, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- stories, no secrets
    for _ in range(chance.randrange(1, 12)):
        _happen(engine, chance)
    if seed % 2:
        switches.stop(engine, "bad release", "on-call")
        switches.hold(engine, TARGETS[0], datetime.now(UTC) + 60 * MINUTE, "mine", "lead")
        permitted(engine, a_run(), plan(TARGETS[2]))
    rules = Rules(
        settings=POLICY.guards, maintenance=(), allowed=POLICY.of(PLAYBOOK).targets, silences=()
    )
    now = read(engine)
    world = _told(engine, now)

    for target in TARGETS:
        wanted = Intent(playbook=PLAYBOOK, target=target, calls=1)
        with engine.connect() as connection:
            asked = guard_results(connection, wanted, rules)
            earned = autonomy.of(connection, POLICY, PLAYBOOK, target, wanted_again=True)
        told = tuple(judge(wanted, world.facts(now, (PLAYBOOK, target), {}), rules))
        level = world.level(now, (PLAYBOOK, target))

        assert told == asked
        assert level.mode is earned.mode
        assert (level.proposal is None) is (earned.proposal is None)
