"""Silences that cannot be read: each stops only what it may be about, and is named."""

from __future__ import annotations

from datetime import UTC, datetime

from cct_ops.models.guards import Facts, Guard, GuardResult, GuardSettings, Intent, Rules, judge
from cct_ops.models.silence import Silence


def result(labels: dict[str, str], *silences: dict[str, object]) -> GuardResult:
    """Return where the guard of silences stands for an incident with these labels."""
    facts = Facts(
        now=datetime(2026, 12, 1, tzinfo=UTC),
        stopped=False,
        stop_reason=None,
        stopped_by=None,
        held_until=None,
        hold_reason=None,
        held_by=None,
        labels=labels,
        new_incidents=0,
        failed_attempts=0,
        last_failed_at=None,
        recurring_fixes=0,
        last_change_at=None,
        calls_in_hour=0,
    )
    known = tuple(found for each in silences if (found := Silence.of(each)) is not None)
    rules = Rules(settings=GuardSettings(), maintenance=(), allowed=("*",), silences=known)
    intent = Intent(playbook="auto-rollback", target="/x", calls=1)
    return next(each for each in judge(intent, facts, rules) if each.guard is Guard.SILENCE)


def silence(name: str, *matchers: tuple[str, str], state: str = "active") -> dict[str, object]:
    """A silence as the API shows it; a value in slashes is a regular expression."""
    return {
        "id": name,
        "status": {"state": state},
        "matchers": [
            {
                "name": label,
                "value": value.strip("/"),
                "isRegex": value.startswith("/"),
                "isEqual": True,
            }
            for label, value in matchers
        ],
        "createdBy": "ada",
        "comment": "the move",
    }


ODD = ("job", "/(/")
LABELS = {"alertname": "CanaryRolledBack", "job": "cct"}


def test_one_that_may_be_about_the_alert_stops_the_change_and_is_named() -> None:
    stop = result(LABELS, silence("3c1f", ("alertname", "CanaryRolledBack"), ODD))

    assert stop.reason == (
        "Silence: Alertmanager's silence 3c1f by ada may be about this alert and cannot be read"
        " (the matcher of 'job' is not a regular expression of RE2: missing )): correct it there"
        " or expire it."
    )


def test_one_that_is_about_something_else_or_over_stops_nothing() -> None:
    elsewhere = silence("a", ("alertname", "NodeDown"), ODD)
    over = silence("b", ODD, state="expired")

    assert not result(LABELS, elsewhere, over).stops


def test_one_that_is_readable_gives_the_reason_where_both_cover_the_alert() -> None:
    stop = result(LABELS, silence("a", ODD), silence("b", ("alertname", "/[[:alpha:]]+/")))

    assert stop.detail == "ada silenced this alert in Alertmanager, the move"


def test_without_labels_nobody_can_say_that_no_silence_matches() -> None:
    """`cct-ops guards` looks on behalf of an alert whose labels are not known yet."""
    found = result({}, silence("3c1f", ("route", "/daily-summary")))

    assert (found.stops, found.depends) == (False, True)
    assert found.detail.startswith("1 silence is active, and only an alert's labels show")
    assert result({}).detail == "no silence matches"
