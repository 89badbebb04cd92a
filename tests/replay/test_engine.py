"""How far runs would come: by these rules, by what was found then, and by what was done before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cct_ops.config.policy import Policy
from cct_ops.controller.routes import Routes
from cct_ops.models.guards import Guard
from cct_ops.models.run import Mode, Outcome
from cct_ops.replay.engine import replay
from cct_ops.replay.history import Held, Switched
from cct_ops.replay.passage import TOO_LONG
from cct_ops.replay.result import Became, End, Fate, Replayed
from cct_ops.replay.rules import Ruleset
from evaluation.history import bodies
from evaluation.history.bodies import alert, alertmanager
from evaluation.history.telling import MINUTE, SECOND, Telling

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = 60 * MINUTE
PAGE, OTHER = "/daily-summary", "/weekly-review"
FIX = "auto-rollback"


@pytest.fixture
def told() -> Telling:
    return Telling(AT, AT + 24 * HOUR)


def rules(
    told: Telling, mode: str = "auto", grouping: dict[str, int] | None = None, **policy: Any
) -> Ruleset:
    """Return rules that repair canaries, in this mode, by a policy with these sections."""
    target = {"target": {"label": "route", "type": "route"}}
    fix = {"name": "fix", "match": ['alertname="X"'], "playbook": FIX, "mode": mode}
    rest = {"name": "rest", "notify": True}
    routes = {"rules": [fix | {"parameters": target}, rest], "grouping": grouping or {}}
    usual: dict[str, Any] = {"playbooks": {FIX: {"ceiling": "auto", "targets": ["/*"]}}}
    usual |= {"autonomy": {"recurs_within_hours": 0}}
    return Ruleset(
        told.sources, Routes.model_validate(routes), Policy.model_validate(usual | policy)
    )


def comes(told: Telling, at: datetime, name: str = "X", route: str = PAGE, **labels: str) -> Any:
    """Let an alert of its own come in; returns its incident."""
    labels = {"n": str(at), **labels}
    content = alertmanager(alert(name, at, None, route=route, **labels))
    (incident,) = told.delivered(at, "alertmanager", content)
    return incident


def fates(told: Telling, by: Ruleset) -> tuple[Fate, ...]:
    return replay(by, told.lines()).fates


def ends(told: Telling, by: Ruleset) -> list[tuple[End | None, str | None]]:
    """Return how far each run came, and what stopped it."""
    return [(each.end, each.guard) for each in fates(told, by) if each.fired]


def repaired(told: Telling, at: datetime, route: str = PAGE, **more: Any) -> None:
    """Let an alert have come in, and its run have repaired it."""
    told.ran(FIX, route, at, comes(told, at, route=route), calls=("reset_canary",), **more)


def test_guards_go_by_what_was_done_in_the_replay(told: Telling) -> None:
    """What one rule no longer starts does not stop what another starts."""
    repaired(told, AT)
    told.stopped(
        FIX, PAGE, AT + 5 * MINUTE, comes(told, AT + 5 * MINUTE), Outcome.BLOCKED, "cool-down"
    )

    assert ends(told, rules(told)) == [(End.CHANGED, None), (End.BLOCKED, "cool-down")]
    observed = rules(told, guards={"cool_down_minutes": 1})
    assert ends(told, observed) == [(End.CHANGED, None), (End.MAY_CHANGE, None)]
    assert ends(told, rules(told, mode="observe")) == [(End.RECOMMENDED, None)] * 2


def test_a_run_that_never_was_counts_as_one_change_whose_end_nobody_knows(told: Telling) -> None:
    """So the next one on the target is too soon, and neither a fix nor a failure is made up."""
    comes(told, AT)
    comes(told, AT + 5 * MINUTE)
    comes(told, AT + 6 * MINUTE, route=OTHER)

    result = replay(rules(told, guards={"failed_attempts": 1}), told.lines())

    assert [each.end for each in result.fates] == [End.MAY_CHANGE, End.BLOCKED, End.MAY_CHANGE]
    assert result.fates[1].guard == Guard.COOL_DOWN
    assert result.unknown_runs == 3
    assert ends(told, rules(told, mode="approve")) == [(End.ASKS, None)] * 3


def test_each_guard_that_can_be_reckoned_stops_a_change(told: Telling) -> None:
    repaired(told, AT)
    repaired(told, AT + HOUR, OTHER)
    window = {"name": "release", "start": "09:30", "end": "10:30", "targets": [OTHER]}
    listed = {"playbooks": {FIX: {"ceiling": "auto", "targets": [PAGE]}}}
    ceiling = {"playbooks": {FIX: {"ceiling": "observe", "targets": ["/*"]}}}
    cases: list[tuple[dict[str, Any], tuple[End, str | None]]] = [
        ({"maintenance": [window]}, (End.BLOCKED, Guard.MAINTENANCE)),
        (listed, (End.BLOCKED, Guard.ALLOW_LIST)),
        ({"guards": {"actions_per_hour": 0}}, (End.BLOCKED, Guard.BUDGET)),
        ({"guards": {"storm": {"incidents": 1}}}, (End.BLOCKED, Guard.STORM)),
        (ceiling, (End.RECOMMENDED, None)),
        ({}, (End.CHANGED, None)),
    ]

    for policy, end in cases:
        assert ends(told, rules(told, **policy))[-1] == end

    told.switches.append(Switched(at=AT + 59 * MINUTE, stopped=True))
    assert ends(told, rules(told))[-1] == (End.BLOCKED, Guard.KILL_SWITCH)
    told.switches.append(Switched(at=AT + HOUR, stopped=False))
    told.holds.append(Held(at=AT, target=OTHER, until=AT + 2 * HOUR))
    assert ends(told, rules(told))[-1] == (End.BLOCKED, Guard.HOLD)


def test_attempts_that_fail_or_do_not_last_stop_the_next_as_they_would_have(told: Telling) -> None:
    failed: dict[str, Any] = {"outcome": Outcome.FAILED, "held": False}
    for hours in range(3):
        repaired(told, AT + hours * HOUR, **failed)
    pauseless: dict[str, Any] = {"backoff": {"first_minutes": 0}, "failed_attempts": 2}
    trusted: dict[str, Any] = {
        "playbooks": {FIX: {"ceiling": "auto", "targets": ["/*"], "clean_since": AT + 9 * HOUR}}
    }

    stopped = ends(told, rules(told, guards=pauseless, **trusted))
    assert stopped == [(End.CHANGED, None)] * 2 + [(End.BLOCKED, Guard.FAILED_ATTEMPTS)]
    paused = ends(told, rules(told, guards={"backoff": {"first_minutes": 240}}, **trusted))
    assert paused[1:] == [(End.BLOCKED, Guard.BACKOFF)] * 2
    lowered = fates(told, rules(told, guards=pauseless))[1]
    assert (lowered.mode, lowered.end) == (Mode.APPROVE, End.ASKS)


def test_the_answer_of_people_is_as_it_was_where_they_were_asked(told: Telling) -> None:
    yes: dict[str, Any] = {"approved": True, "persons": 1}
    repaired(told, AT, **yes)
    incident = comes(told, AT + HOUR)
    told.stopped(FIX, PAGE, AT + HOUR, incident, Outcome.DECLINED, approved=False, persons=1)
    repaired(told, AT + 2 * HOUR)
    by_person: dict[str, Any] = {"calls": ("reset_canary",), "person": "thin evidence"}
    told.ran(FIX, PAGE, AT + 3 * HOUR, comes(told, AT + 3 * HOUR), **by_person)

    approved = [(End.CHANGED, None), (End.NOT_APPROVED, None), (End.ASKS, None), (End.ASKS, None)]
    assert ends(told, rules(told, mode="approve")) == approved
    alone = [(End.CHANGED, None), (End.MAY_CHANGE, None), (End.CHANGED, None), (End.ASKS, None)]
    assert ends(told, rules(told)) == alone
    two: dict[str, Any] = {"accept_form": True, "second_person": {"playbooks": [FIX]}}
    asks_two = [(End.ASKS_TWO, None)] * 4
    assert ends(told, rules(told, mode="approve", approvals=two)) == asks_two


@pytest.mark.parametrize("guard", [Guard.SILENCE, Guard.LOCK, Guard.MERGE, Guard.UNREADABLE])
def test_what_no_history_shows_is_as_it_was(told: Telling, guard: Guard) -> None:
    told.stopped(FIX, PAGE, AT, comes(told, AT), Outcome.BLOCKED, guard.value)
    told.stopped(FIX, OTHER, AT, comes(told, AT, route=OTHER), Outcome.VOID)
    told.ran(FIX, PAGE, AT + HOUR, comes(told, AT + HOUR))

    stopped, void, nothing = ends(told, rules(told))

    assert stopped == (End.BLOCKED, guard)
    assert void == (End.AS_IT_WAS, None)
    assert nothing == (End.NO_PLAN, None)


def test_a_weakening_that_would_last_too_long_is_stopped_by_its_policy(told: Telling) -> None:
    repaired(told, AT)
    run = told.runs[0]
    assert run.plan is not None
    (step,) = run.plan.steps
    lasting = run.plan.model_copy(
        update={"steps": (step.model_copy(update={"lasts_minutes": 90}),)}
    )
    told.runs[0] = run.model_copy(update={"plan": lasting})

    shorter = rules(told, temporary_changes={"longest_minutes": 60})
    assert ends(told, shorter) == [(End.BLOCKED, TOO_LONG)]
    assert ends(told, rules(told)) == [(End.CHANGED, None)]


def test_what_a_run_found_on_another_target_says_nothing(told: Telling) -> None:
    incident = comes(told, AT)
    told.ran(FIX, OTHER, AT, incident, calls=("reset_canary",))

    (fate,) = fates(told, rules(told))

    assert (fate.end, fate.known) == (End.MAY_CHANGE, False)


def test_runs_that_no_alert_started_happen_whatever_the_rules(told: Telling) -> None:
    """They change targets and use up the budget as they did."""
    told.ran(FIX, PAGE, AT - 5 * MINUTE, calls=("reset_canary",))
    comes(told, AT)

    assert ends(told, rules(told)) == [(End.BLOCKED, Guard.COOL_DOWN)]


def test_an_incident_ends_by_the_silence_of_its_sender_but_not_while_copies_come(
    told: Telling,
) -> None:
    """Of copies only the first and the last moment are known."""
    silence = told.sources["alertmanager"].silence_seconds
    assert silence is not None
    later = AT + timedelta(seconds=silence) * 2
    content = alertmanager(alert("X", AT, None, route=PAGE))
    told.delivered(AT, "alertmanager", content, again=[later])

    def verdicts() -> dict[str, int]:
        return dict(replay(rules(told), told.lines()).counts)

    assert verdicts() == {"opened": 1, "reopened": 1}
    told.deliveries[0] = told.deliveries[0].model_copy(update={"copies": 5})
    assert verdicts() == {"opened": 1, "seen": 1}


def test_the_same_words_without_a_time_are_a_copy_at_first_and_news_later(told: Telling) -> None:
    opened = bodies.monitored(1, "open", "X", route=PAGE)
    closed = bodies.monitored(1, "closed", "X", route=PAGE)
    told.delivered(AT, "json", opened, again=[AT + 10 * SECOND, AT + 10 * HOUR])
    told.delivered(AT + HOUR, "json", closed, again=[AT + 11 * HOUR])

    counts = replay(rules(told), told.lines()).counts

    assert dict(counts) == {"opened": 2, "seen": 1, "closed": 2}


def test_in_a_burst_one_of_each_group_is_looked_at(told: Telling) -> None:
    for number in range(9):
        comes(told, AT + number * SECOND, route=(PAGE, OTHER)[number % 2])
    limits = {"incidents": 4, "within_seconds": 60, "calm_seconds": 60, "runs": 1}

    result: Replayed = replay(rules(told, grouping=limits), told.lines())

    became = [each.became for each in result.fates]
    burst = [Became.FIRED, Became.NO_ROOM, *[Became.GROUPED] * 3]
    assert became == [Became.FIRED] * 4 + burst
    assert result.fates[4].mode is Mode.OBSERVE


def test_a_replay_is_the_same_each_time(told: Telling) -> None:
    for minute in range(5):
        comes(told, AT + minute * MINUTE)

    assert replay(rules(told), told.lines()) == replay(rules(told), told.lines())
