"""Abuse, a limit that is too small, and starvation: told apart by who asks for how much."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cct_ops.diagnoses.limits import Burst, LimitFindings
from cct_ops.diagnoses.rate_limiting import Cause, Fix, LimitDiagnosis, RateLimitOptions
from cct_ops.models.cct import LimitClass, LimitedUser, LimitStatus, RateLimitEvent, RateLimitStatus
from cct_ops.models.plan import LimitNotReached, Plan
from cct_ops.models.run import Outcome, Severity

LIMIT = 50


def user(name: str, asks: int, *, blocked: bool | None = None) -> LimitedUser:
    """One user of the canary class, refused where it asks for more than the limit."""
    return LimitedUser(
        user=name,
        endpoint=LimitClass.CANARY,
        requests_in_window=asks,
        remaining=max(LIMIT - asks, 0),
        blocked=asks > LIMIT if blocked is None else blocked,
    )


def event(name: str, path: str = "/api/v1/canary/status") -> RateLimitEvent:
    """One refusal."""
    return RateLimitEvent(
        id=f"{name}-{path}",
        timestamp=datetime(2025, 11, 24, tzinfo=UTC),
        endpoint=LimitClass.CANARY,
        user=name,
        path=path,
        limit=LIMIT,
    )


def found(
    *users: LimitedUser, events: tuple[RateLimitEvent, ...] = (), burst: Burst | None = None
) -> LimitFindings:
    """What the probes see of the canary class; another class has a blocked user of its own."""
    other = user("other", 99).model_copy(update={"endpoint": LimitClass.CI})
    limit = LimitStatus(
        endpoint=LimitClass.CANARY,
        max_requests=LIMIT,
        window_ms=60_000,
        active_users=len(users),
        blocked_users=sum(each.blocked for each in users),
    )
    status = RateLimitStatus(limits=(limit,), users=(*users, other))
    seen = LimitFindings.of(LimitClass.CANARY, status, events, burst)
    assert seen is not None
    return seen


def diagnose(
    findings: LimitFindings,
    fix: Fix = Fix.RECOMMENDED,
    name: str | None = None,
    most: int | None = None,
) -> LimitDiagnosis:
    """Conclude what is recommended, or what comes of a options."""
    return LimitDiagnosis.of(findings, RateLimitOptions(fix=fix, user=name, max_requests=most), 5)


def plan_of(diagnosis: LimitDiagnosis) -> Plan:
    """The plan, which must be there."""
    assert diagnosis.plan is not None
    return diagnosis.plan


STARVED = user("ann", 40, blocked=True)
CASES = [
    ((user("ann", 10),), Cause.NOBODY_REFUSED, None, Severity.P2),
    ((user("ann", 60),), Cause.UNDERSIZED, "set_rate_limit", Severity.P1),
    ((user("ann", 60), user("ben", 70)), Cause.UNDERSIZED, "set_rate_limit", Severity.P1),
    ((user("bot", 150), user("ann", 9)), Cause.ABUSE, None, Severity.P2),
    ((user("bot", 500), user("ann", 60)), Cause.UNDERSIZED, "set_rate_limit", Severity.P1),
    ((STARVED,), Cause.STARVED, "reset_user_limit", Severity.P1),
    ((STARVED, user("ben", 5, blocked=True)), Cause.STARVED, "clear_rate_limits", Severity.P1),
]


@pytest.mark.parametrize(("users", "cause", "does", "severity"), CASES)
def test_who_asks_for_how_much_shows_the_cause(
    users: tuple[LimitedUser, ...], cause: Cause, does: str | None, severity: Severity
) -> None:
    diagnosis = diagnose(found(*users))

    calls = diagnosis.plan.calls if diagnosis.plan else ()
    assert (diagnosis.cause, [call.method for call in calls]) == (cause, [does] if does else [])
    assert diagnosis.severity is severity


def test_a_raise_is_temporary_and_takes_the_prior_value_back() -> None:
    """As much as the demand and a quarter, and only as long as was asked for."""
    plan = plan_of(diagnose(found(user("ann", 60), user("ben", 70))))

    (step,) = plan.steps
    assert step.call.arguments["max_requests"] == 90
    assert step.undo is not None
    assert step.undo.arguments == {**step.call.arguments, "max_requests": LIMIT}
    assert step.lasts_minutes == 60
    assert plan.needs_person is None
    assert isinstance(plan.steady_state, LimitNotReached)
    assert set(plan.steady_state.users) == {"ann", "ben"}


def test_an_abuser_does_not_set_the_size_of_a_raise() -> None:
    """Nor must the raise help it."""
    plan = plan_of(diagnose(found(user("bot", 5000), user("ann", 60))))

    assert plan.calls[0].arguments["max_requests"] == 80
    assert isinstance(plan.steady_state, LimitNotReached)
    assert plan.steady_state.users == ("ann",)


def test_abuse_is_for_people() -> None:
    """Whoever raises a limit for it nevertheless has to say so in person."""
    abuse = found(user("bot", 500))

    assert (diagnose(abuse).plan, diagnose(abuse).outcome) == (None, Outcome.RECOMMENDED)
    assert "bot (500)" in diagnose(abuse).headline
    assert plan_of(diagnose(abuse, Fix.RAISE)).needs_person


def test_the_same_cause_is_the_same_plan_while_demand_moves_a_little() -> None:
    """An approval must not be void because somebody sent one request more."""
    digests = {plan_of(diagnose(found(user("ann", asks)))).digest for asks in (57, 60, 64)}

    assert len(digests) == 1
    assert plan_of(diagnose(found(user("ben", 60)))).digest not in digests


@pytest.mark.parametrize("fix", [Fix.CLEAR, Fix.RESET_USER])
def test_what_is_forgotten_does_not_come_back(fix: Fix) -> None:
    plan = plan_of(diagnose(found(STARVED), fix))

    assert plan.irreversible
    assert plan.needs_person


@pytest.mark.parametrize(
    ("fix", "name", "most", "words"),
    [
        (Fix.RESET_USER, "nobody", None, "name a user who is refused"),
        (Fix.RESET_USER, None, None, "name a user who is refused"),
        (Fix.RAISE, None, 50, "50 is no more than the limit of 50"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    fix: Fix, name: str | None, most: int | None, words: str
) -> None:
    """With two refused users a reset has to name one of them."""
    diagnosis = diagnose(found(STARVED, user("ben", 60)), fix, name, most)

    assert (diagnosis.plan, diagnosis.outcome) == (None, Outcome.BLOCKED)
    assert words in diagnosis.headline


@pytest.mark.parametrize("fix", list(Fix))
def test_where_nobody_is_refused_nothing_is_changed(fix: Fix) -> None:
    """Not even when it is asked for, and not for what another class refuses."""
    diagnosis = diagnose(found(user("ann", 10)), fix)

    assert (diagnosis.plan, diagnosis.outcome) == (None, Outcome.NOTHING_TO_DO)


def test_our_own_refusal_is_met_with_silence() -> None:
    diagnosis = diagnose(found(burst=Burst(sent=2, refused=True)))

    assert (diagnosis.cause, diagnosis.plan) == (Cause.OURSELVES, None)
    assert diagnosis.outcome is Outcome.RECOMMENDED


def test_refusals_are_broken_down_by_user_and_endpoint() -> None:
    events = (event("bot"), event("bot", "/api/v1/canary/metrics"), event("bot"), event("ann"))
    text = " ".join(f"{f.observed} {f.meaning}" for f in diagnose(found(events=events)).evidence)

    assert "bot 3, ann 1" in text
    assert "/api/v1/canary/status 3" in text
    assert "bot has 75 % of the refusals" in text


def test_a_class_that_cct_does_not_list_is_not_guessed() -> None:
    status = RateLimitStatus(limits=(), users=())

    assert LimitFindings.of(LimitClass.BULK, status, (), None) is None
