"""
What one alert would lead to if it came now, by the rules of today.

Nothing is stored and nothing is started: it is the replay of a history of one alert, which has no
client of CCT and no way to make a run, beside the guards as they stand at this moment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config import targets
from cct_ops.errors import OpsError
from cct_ops.gate.guards import rules_for
from cct_ops.gateway.senders.repeat import anew
from cct_ops.ledger import clock
from cct_ops.ledger.gate import guards
from cct_ops.ledger.intake import deliveries, replay as past_deliveries
from cct_ops.ledger.intake.replay import Past
from cct_ops.ledger.people import silences
from cct_ops.models.alert import Alert
from cct_ops.models.base import Frozen
from cct_ops.models.guards import GuardResult, Intent
from cct_ops.models.silence import Silence
from cct_ops.redaction import redact_values
from cct_ops.replay import engine as replays
from cct_ops.replay.history import FORMAT, Delivered, Header, Line
from cct_ops.replay.recording import history_of
from cct_ops.replay.result import Became, Fate
from cct_ops.replay.rules import Ruleset

_LOOK = "it looks, concludes and reports"


class Foreseen(Frozen):
    """What would become of an alert in one sentence, and why."""

    words: str
    reasons: tuple[str, ...] = ()
    open_incident: UUID | None = None


def foresee(
    engine: sa.Engine,
    rules: Ruleset,
    past: Past,
    alert: Alert,
    read_silences: Callable[[], tuple[Silence, ...]],
) -> Foreseen:
    """Return what this alert of a past delivery would lead to if it came now."""
    now = clock.read(engine)
    coming = anew(alert, now)
    found = past_deliveries.open_incident(engine, past.source, coming.key)
    if found is not None:
        words = f"Nothing: incident {found} from it is open, so it would count as seen again."
        return Foreseen(words=words, open_incident=found)
    replayed = replays.replay(rules, _history(engine, past, coming, now))
    fate = next((each for each in replayed.fates if each.position >= 0), None)
    if fate is None:
        return Foreseen(words="Nothing: it would open no incident.")
    reasons = [*_by_rule(fate), *_guards(engine, rules, fate, read_silences)]
    muted = silences.about(engine, redact_values(coming.labels))
    if muted is not None:
        reasons.append(f"People would not be notified: {muted.words}.")
    return Foreseen(words=_words(fate), reasons=tuple(reasons))


def _history(engine: sa.Engine, past: Past, alert: Alert, now: datetime) -> Iterator[Line]:
    """Yield what the ledger has for now, and then this alert."""
    body = json.dumps([alert.model_dump(mode="json")])
    yield Header(format=FORMAT, since=now, until=now)
    for line in history_of(engine, now):
        if not isinstance(line, Header | Delivered):  # what comes in meanwhile is another matter
            yield line
    yield Delivered(
        id=past.id, at=(now,), source=past.source, body=body, admitted_by=deliveries.ADMITTED_BY
    )


def _words(fate: Fate) -> str:
    match fate.became:
        case Became.FIRED:
            return f"It opens an incident and starts {fate.words}."
        case Became.UNMATCHED:
            return "It opens an incident, and people are notified: no playbook is meant for it."
        case Became.UNFIT:
            return f"It opens an incident, and no playbook can start: {fate.note}."
        case Became.WATCHDOG:
            return "A watchdog: only its silence is an incident."
        case _:
            return f"It opens an incident, and starts nothing of its own: {fate.became}."


def _by_rule(fate: Fate) -> Iterator[str]:
    if fate.rule:
        yield f"The rule {fate.rule} of routes.yaml is the first that fits."
    if fate.parameters:
        given = ", ".join(f"{name}={value}" for name, value in sorted(fate.parameters.items()))
        yield f"The playbook is given {given}."
    if fate.fired and not fate.known:
        yield "What it would find is not known: no run has looked."


def _guards(
    engine: sa.Engine, rules: Ruleset, fate: Fate, read_silences: Callable[[], tuple[Silence, ...]]
) -> Iterator[str]:
    """Yield why guards would stop its change at this moment."""
    if fate.playbook is None:
        return
    given = fate.parameters.get("target")
    names = targets.names(rules.policy.of(fate.playbook).targets)
    target = str(given) if given is not None else names[0] if len(names) == 1 else None
    if target is None:
        yield "Which target it would change is for the playbook to see, so guards cannot be asked."
        return
    try:
        by = rules_for(rules.policy, read_silences, fate.playbook)
    except OpsError as error:
        yield f"Guards cannot be read: {error}"
        return
    if isinstance(by, GuardResult):
        yield by.reason
        return
    intent = Intent(playbook=fate.playbook, target=target, calls=1)
    with engine.connect() as connection:
        found = guards.guard_results(connection, intent, by)
    for each in found:
        if each.stops:
            yield f"{each.reason} While that stands {_LOOK}, and changes nothing."
