"""``cct-ops replay``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands import moments
from cct_ops.commands.options import Json
from cct_ops.terminal import columns, say, show

if TYPE_CHECKING:
    from datetime import datetime

    from cct_ops.config.policy import Policy
    from cct_ops.controller.routes import Routes
    from cct_ops.ledger.intake.episodes import Episode
    from cct_ops.ledger.intake.replay import Past
    from cct_ops.models.alert import Alert

_COLUMNS = columns(
    first="first received (UTC)", times="times", source="source", alert="alert", today="today"
)


def replay(
    *,
    since: Annotated[str, Parameter(help="30m, 12h, 7d, or a moment such as 2026-11-24T18:30.")],
    as_json: Json = False,
) -> int:
    """
    Show what today's sources, routes and policy would do with past deliveries. Touches nothing.

    It begins with no incident open: what was open before counts as opened by its first alert.
    """
    from cct_ops.commands.here import ledger
    from cct_ops.config import policy, yaml_files
    from cct_ops.config.sources import Sources
    from cct_ops.controller.routes import read_routes
    from cct_ops.gateway.senders.reparse import incoming
    from cct_ops.ledger.intake import replay as past_deliveries
    from cct_ops.ledger.intake.episodes import Verdict, early_end, judge
    from cct_ops.settings import Settings

    settings = Settings.load()
    sources = yaml_files.load(settings.sources_path, Sources).sources
    routes, rules = read_routes(settings.routes_path), policy.read(settings.policy_path)
    latest: dict[tuple[str, str], Episode] = {}
    ends: dict[tuple[str, str], datetime] = {}  # that came before their start
    heard: dict[tuple[str, str], datetime] = {}  # when each message that has a name came first
    counts: Counter[str] = Counter()
    # What is alike is one line: a storm would be thousands. In the order of the first of its kind.
    shown: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], datetime] = {}

    def count(past: Past, alert: str, words: str) -> None:
        line = (past.source, alert, words)
        first.setdefault(line, past.received_at)
        shown[line] += 1

    for past in past_deliveries.since(ledger(), moments.past(since)):
        again = incoming(past, sources)
        if again.alerts is None:
            unread = "deleted" if past.body is None else "quarantined"
            counts[unread] += 1
            count(past, "-", f"{unread}: {again.note}")
        if again.in_part:
            counts["partly quarantined"] += 1
            count(past, "-", again.note or "")
        for alert in again.alerts or ():
            alert_seen = alert.received(_first_came_at(past, alert, heard))
            place = (past.source, alert_seen.key)
            verdict, episode = judge(
                alert_seen, latest.get(place), past.received_at, ends.get(place)
            )
            if end := early_end(alert_seen, verdict, past.received_at):
                ends[place] = max(end, ends.get(place, end))
            if episode is not None:
                latest[place] = episode
            counts[verdict.value] += 1
            if verdict is Verdict.OPENED:
                words = _today(routes, rules, past.source, alert_seen)
                count(past, alert_seen.labels.get("alertname", "-"), words)
    rows = [
        {
            "first": first[line],
            "times": times,
            "source": line[0],
            "alert": line[1],
            "today": line[2],
        }
        for line, times in shown.items()
    ]
    empty = "Nothing came in since then."
    show(_COLUMNS, rows, as_json=as_json, limits={"alert": 40}, empty=empty)
    if rows and not as_json:
        say(", ".join(f"{what}: {number}" for what, number in sorted(counts.items())))
    return 0


def _first_came_at(past: Past, alert: Alert, heard: dict[tuple[str, str], datetime]) -> datetime:
    """Return when the alert's message came first, if it has a name, and else when it came."""
    if not alert.message:
        return past.received_at
    return heard.setdefault((past.source, alert.message), past.received_at)


def _today(routes: Routes, rules: Policy, source: str, alert: Alert) -> str:
    """Say which run the alert would get, or why none."""
    from cct_ops.controller.parameters import Unfit, convert
    from cct_ops.models.run import lowest

    rule = routes.rule_for(source, alert.labels)
    if rule.playbook is None or rule.mode is None:
        return f"{rule.name}: people are notified"
    try:
        parameters = convert(rule.parameters, alert.labels)
    except Unfit as error:
        return f"{rule.name}: blocked, {error}"
    mode = lowest(rule.mode, rules.ceiling(rule.playbook))
    given = ", ".join(f"{name}={value}" for name, value in parameters.items())
    return f"{rule.name}: {rule.playbook} ({given}), mode {mode}"
