"""The made-up week: what happens on each of its days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cct_ops.models.guards import Guard
from cct_ops.models.run import Outcome
from cct_ops.replay.history import Held, Switched
from evaluation.history import bodies
from evaluation.history.bodies import alert, alertmanager
from evaluation.history.telling import MINUTE, SECOND, Telling

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PAGES = ("/daily-summary", "/weekly-review", "/intraday-check", "/pre-market-briefing")
BURST = 75


def week() -> Telling:
    """Tell it from its beginning."""
    told = Telling(MONDAY, MONDAY + timedelta(days=7))
    _canaries(told, MONDAY + timedelta(hours=9))
    _people(told, MONDAY + timedelta(days=1, hours=9))
    _others(told, MONDAY + timedelta(days=1, hours=15))
    _burst(told, MONDAY + timedelta(days=2, hours=10))
    _chaos(told, MONDAY + timedelta(days=3, hours=9))
    _senders(told, MONDAY + timedelta(days=4, hours=9))
    _failures(told, MONDAY + timedelta(days=5, hours=9))
    _odd(told, MONDAY + timedelta(days=6, hours=9))
    return told


def _canaries(told: Telling, at: datetime) -> None:
    """Rollbacks that are repaired, repeated, over, and too soon there again."""
    page = PAGES[0]
    rolled_back = alert("CanaryRolledBack", at, route=page, severity="critical")
    (first,) = told.delivered(
        at, "alertmanager", alertmanager(rolled_back), again=[at + 240 * MINUTE], copies=2
    )
    told.delivered(at + SECOND, "alertmanager", alertmanager(rolled_back, replica=1), opens=False)
    told.ran("auto-rollback", page, at + 2 * SECOND, first, calls=("reset_canary",))
    over = at + 250 * MINUTE
    ended = alert("CanaryRolledBack", at, over, route=page, severity="critical")
    told.delivered(over, "alertmanager", alertmanager(ended), opens=False)
    for minutes, seen in ((255, "changed"), (259, "stopped")):
        began = at + minutes * MINUTE
        (incident,) = told.delivered(
            began,
            "alertmanager",
            alertmanager(alert("CanaryRolledBack", began, route=page, severity="critical")),
        )
        if seen == "changed":
            told.ran("auto-rollback", page, began, incident, calls=("reset_canary",))
        else:
            guard = Guard.COOL_DOWN.value
            told.stopped("auto-rollback", page, began, incident, Outcome.BLOCKED, guard)
        end = began + 2 * MINUTE
        gone = alert("CanaryRolledBack", began, end, route=page, severity="critical")
        told.delivered(end, "alertmanager", alertmanager(gone), opens=False)
    (looked,) = told.delivered(
        at + 300 * MINUTE,
        "alertmanager",
        alertmanager(alert("CanarySlow", at + 300 * MINUTE, route=PAGES[1])),
    )
    told.ran("canary-issue", PAGES[1], at + 300 * MINUTE, looked)


def _people(told: Telling, at: datetime) -> None:
    """A yes, a no and no answer; the kill switch, a hold; and what people and clocks start."""
    answers = (
        (PAGES[0], Outcome.RESOLVED, True),
        (PAGES[1], Outcome.DECLINED, False),
        (PAGES[2], Outcome.EXPIRED, False),
    )
    for number, (page, outcome, approved) in enumerate(answers):
        began = at + number * 20 * MINUTE
        name = ("SLOBreachLatency", "HighErrorRate", "HighLatency")[number]
        (incident,) = told.delivered(
            began, "alertmanager", alertmanager(alert(name, began, route=page))
        )
        asked: dict[str, Any] = {"approved": approved, "persons": 1}
        if approved:
            permitted = {"permitted_at": began + 5 * MINUTE, "finished_at": began + 6 * MINUTE}
            told.ran(
                "auto-rollback", page, began, incident, calls=("reset_canary",), **asked | permitted
            )
        else:
            told.stopped("auto-rollback", page, began, incident, outcome, **asked)
    stopped = at + 90 * MINUTE
    told.switches += [
        Switched(at=stopped, stopped=True, reason="a bad release", person="on-call"),
        Switched(at=stopped + 60 * MINUTE, stopped=False, reason="-", person="on-call"),
    ]
    held = at + 170 * MINUTE
    told.holds.append(
        Held(at=held, target=PAGES[3], until=held + 60 * MINUTE, reason="by hand", person="lead")
    )
    for page, began, guard in (
        (PAGES[1], stopped + 10 * MINUTE, Guard.KILL_SWITCH),
        (PAGES[3], held + 10 * MINUTE, Guard.HOLD),
    ):
        (incident,) = told.delivered(
            began, "alertmanager", alertmanager(alert("CanaryRolledBack", began, route=page))
        )
        told.stopped("auto-rollback", page, began, incident, Outcome.BLOCKED, guard.value)
    told.ran("exemption-weekly-report", "exemptions", at, calls=("open_issue",))
    told.ran("game-day", "sandbox", at + MINUTE, outcome=Outcome.PASSED)
    told.ran("post-incident-review", "-", at + 2 * MINUTE, outcome=Outcome.PASSED)
    told.ran("incident-report", "-", at + 3 * MINUTE, outcome=Outcome.PASSED)


def _others(told: Telling, at: datetime) -> None:
    """Exemptions, limits and schemas; two labels that no playbook may be given."""
    stories: tuple[tuple[str, dict[str, Any], str, str, str, bool | None], ...] = (
        ("ExemptionsOverdue", {}, "exemption-cleanup", "exemptions", "clean_up", None),
        ("ExemptionSystemDown", {}, "exemption-failure", "exemptions", "open_issue", None),
        ("RateLimitExceeded", {"limit": "bulkOperations"}, "rate-limiting", "bulkOperations",
         "reset_limits", True),
        ("SchemaValidationFailing", {"workflow": "validate.yml"}, "schema-validation",
         "validate.yml", "warn_only", True),
        ("CanaryMisconfigured", {"route": PAGES[2]}, "canary-issue", PAGES[2], "set_split", None),
    )  # fmt: skip
    for number, (name, labels, playbook, target, call, approved) in enumerate(stories):
        began = at + number * 20 * MINUTE
        (incident,) = told.delivered(
            began, "alertmanager", alertmanager(alert(name, began, **labels))
        )
        asked: dict[str, Any] = {} if approved is None else {"approved": approved, "persons": 1}
        told.ran(playbook, target, began, incident, calls=(call,), **asked)
    for name, label, value in (
        ("CanaryRolledBack", "route", "/no-page"),
        ("RateLimitExceeded", "limit", "nobody knows"),
    ):
        fits_not = alert(name, at + 120 * MINUTE, None, **{label: value})
        told.delivered(at + 120 * MINUTE, "alertmanager", alertmanager(fits_not))


def _burst(told: Telling, at: datetime) -> None:
    """One cause, many alerts: most of them about two pages, some about nothing that is known."""
    for number in range(BURST):
        began = at + number * SECOND / 2
        name = "DiskFull" if number % 5 == 4 else "CanaryRolledBack"
        labels: dict[str, Any] = {"route": PAGES[number % 2], "instance": f"web-{number}"}
        told.delivered(began, "alertmanager", alertmanager(alert(name, began, **labels)))


def _chaos(told: Telling, at: datetime) -> None:
    """What a calendar asks for, within bounds and beyond them, and a failed test."""
    asked: dict[str, Any] = {"approved": True, "persons": 1}
    for number, minutes in enumerate((5, 90)):
        began = at + number * 15 * MINUTE
        labels: dict[str, Any] = {
            "chaos": "latency",
            "chaos_severity": "mild",
            "minutes": str(minutes),
        }
        opened = told.delivered(
            began, "alertmanager", alertmanager(alert("ChaosExperimentDue", began, **labels))
        )
        if minutes == 5:
            told.ran("chaos-experiment", "staging", began, *opened, calls=("inject",), **asked)
    began = at + 60 * MINUTE
    (failed,) = told.delivered(began, "alertmanager", alertmanager(alert("ChaosTestFailed", began)))
    told.ran("chaos-failure", "staging", began, failed, calls=("end_faults",), **asked)
    began = at + 120 * MINUTE
    simulated = alert("RollbackSimulationDue", began, route=PAGES[0])
    (due,) = told.delivered(began, "alertmanager", alertmanager(simulated))
    told.ran("slo-breach-simulation", PAGES[0], began, due, calls=("lower",), **asked)


def _senders(told: Telling, at: datetime) -> None:
    """The other kinds of sender, each with a beginning, most with an end."""
    page, hour = PAGES[3], 60 * MINUTE
    rolled_back = alert("CanaryRolledBack", at, route=page)
    (grafana,) = told.delivered(at, "grafana", alertmanager(rolled_back))
    told.ran("auto-rollback", page, at, grafana, calls=("reset_canary",))
    for state, later in (("triggered", 0), ("acknowledged", 3), ("resolved", 30)):
        moment = at + hour + later * MINUTE
        content = bodies.pagerduty(1, state, moment, f"CanaryRolledBack on {page}")
        told.delivered(moment, "pagerduty", content, opens=state == "triggered")
    for number, conclusion in ((11, "failure"), (11, "success"), (12, "cancelled")):
        moment = at + (1 + number / 11) * hour
        content = bodies.github(number, "validate.yml", conclusion, moment)
        told.delivered(
            moment,
            "github",
            content,
            opens=conclusion == "failure",
            x_github_event="workflow_run",
            x_github_delivery=f"{conclusion}-{number}",
        )
    for kind, later in (("opened", 0), ("closed", 20)):
        moment = at + 3 * hour + later * MINUTE
        content = bodies.event(3, kind, moment, name="RateLimitExceeded", limit="ciOperations")
        structured = "application/cloudevents+json"
        told.delivered(moment, "events", content, opens=kind == "opened", content_type=structured)
    for state, later in (("open", 0), ("closed", 20)):
        moment = at + 4 * hour + later * MINUTE
        content = bodies.monitored(
            4, state, "SchemaValidationFailing", moment, workflow="lint.yaml"
        )
        told.delivered(moment, "monitor", content, opens=state == "open", webhook_id=f"msg-{state}")
    _undated(told, at + 5 * hour)


def _undated(told: Telling, at: datetime) -> None:
    """A sender without names and times: the same body is a copy at first, and later news."""
    content = bodies.monitored(5, "open", "CanarySlow", route=PAGES[1])
    told.delivered(at, "json", content, again=[at + 10 * SECOND, at + 600 * MINUTE])
    closed = bodies.monitored(5, "closed", "CanarySlow", route=PAGES[1])
    told.delivered(at + 60 * MINUTE, "json", closed, opens=False)


def _failures(told: Telling, at: datetime) -> None:
    """Attempts that fail until the breaker opens; a fix that does not last; one left undone."""
    page = PAGES[2]
    for number in range(4):
        began = at + number * 45 * MINUTE
        (incident,) = told.delivered(
            began, "alertmanager", alertmanager(alert("CanaryDegraded", began, route=page))
        )
        if number < 3:
            failed: dict[str, Any] = {"outcome": Outcome.UNDONE, "held": False}
            failed |= {"approved": True, "persons": 1}  # the first bad one costs it its autonomy
            told.ran("canary-issue", page, began, incident, calls=("disable",), **failed)
        else:
            guard = Guard.FAILED_ATTEMPTS.value
            told.stopped("canary-issue", page, began, incident, Outcome.BLOCKED, guard)
        end = began + 30 * MINUTE
        gone = alert("CanaryDegraded", began, end, route=page)
        told.delivered(end, "alertmanager", alertmanager(gone), opens=False)
    began = at + 240 * MINUTE
    (incident,) = told.delivered(
        began, "alertmanager", alertmanager(alert("ExemptionReportStale", began))
    )
    harmful: dict[str, Any] = {
        "outcome": Outcome.FAILED,
        "held": False,
        "undo_failed_at": began + 30 * SECOND,
    }
    told.ran("exemption-failure", "exemptions", began, incident, calls=("open_issue",), **harmful)


def _odd(told: Telling, at: datetime) -> None:
    """What cannot be read, wholly or in part, comes late, or is over before it began."""
    told.delivered(at, "alertmanager", '{"version": "4", "alerts": [')
    good = alert("HighLatency", at, route=PAGES[0])
    in_part = alertmanager(good, {"status": "odd", "labels": {"alertname": "Y"}})
    told.delivered(at + MINUTE, "alertmanager", in_part)
    began, over = at + 60 * MINUTE, at + 70 * MINUTE
    told.delivered(
        over,
        "alertmanager",
        alertmanager(alert("CanarySlow", began, over, route=PAGES[3])),
        opens=False,
    )
    told.delivered(
        over + MINUTE,
        "alertmanager",
        alertmanager(alert("CanarySlow", began, route=PAGES[3])),
        opens=False,
    )
    told.delivered(
        at + 90 * MINUTE, "alertmanager", alertmanager(alert("Watchdog", at + 90 * MINUTE))
    )
    told.delivered(at + 100 * MINUTE, "nobody", bodies.monitored(6, "open", "X"))
    nobody_knows = alert("SomethingElse", at + 110 * MINUTE)
    told.delivered(at + 110 * MINUTE, "alertmanager", alertmanager(nobody_knows))
