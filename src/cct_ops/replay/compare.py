"""What two sets of rules made of one history, side by side: the differences, alike ones as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cct_ops.models.base import Frozen, digest
from cct_ops.replay.result import End, Fate, Replayed


class Kind(StrEnum):
    """In which way an alert would have been dealt with differently."""

    NEW = "new"  # a run where there was none
    GONE = "gone"
    CHANGED = "changed"  # another playbook or parameter
    MODE = "in another mode"
    BLOCKED = "blocked"  # the same run, and a guard stops it now
    UNBLOCKED = "no longer blocked"
    ENDS = "ends otherwise"
    TAKEN_IN = "taken in otherwise"  # no run before and none after


class Told(Frozen):
    """One alert of a difference."""

    delivery: UUID
    at: datetime
    position: int
    before: Fate | None
    after: Fate | None


class Difference(Frozen):
    """
    What is alike of the alerts that would have been dealt with differently.

    ``digest`` names it whatever the alerts are, so that it is the same in a longer history.
    """

    kind: Kind
    source: str
    alert: str
    before: str
    after: str
    alerts: tuple[Told, ...]

    @property
    def digest(self) -> str:
        """Name the difference."""
        said = (self.kind.value, self.source, self.alert, self.before, self.after)
        return digest(list(said))[:16]

    @property
    def times(self) -> int:
        """The number of its alerts."""
        return len(self.alerts)


class RuleRow(Frozen):
    """The runs of one rule and playbook, then and now, and how many of them a guard stops."""

    rule: str
    playbook: str
    fired: tuple[int, int]
    blocked: tuple[int, int]


class Comparison(Frozen):
    """All differences in a stable order, and the numbers of the runs."""

    differences: tuple[Difference, ...]
    rules: tuple[RuleRow, ...]
    fired: tuple[int, int]
    counts: tuple[Mapping[str, int], Mapping[str, int]]
    unknown_runs: tuple[int, int]
    playbooks: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Say it in one line, such as ``fired 14 → 9, 2 new, 1 blocked by cool-down``."""
        before, after = self.fired
        kinds = Counter[Kind]()
        guards = Counter[str]()
        for each in self.differences:
            kinds[each.kind] += each.times
            if each.kind in {Kind.NEW, Kind.CHANGED, Kind.MODE, Kind.BLOCKED}:
                guards.update(_newly_blocked_by(told) for told in each.alerts)
        said = [
            f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind] and kind is not Kind.BLOCKED
        ]
        del guards[""]
        said += [f"{number} blocked by {guard}" for guard, number in sorted(guards.items())]
        return ", ".join([f"fired {before} → {after}", *(said or ["no difference"])])


def compare(before: Replayed, after: Replayed) -> Comparison:
    """Hold what the rules made of each alert against each other."""
    were = {each.place: each for each in before.fates}
    are = {each.place: each for each in after.fates}
    found: dict[tuple[Kind, str, str, str, str], list[Told]] = {}
    for place in sorted(were.keys() | are.keys()):
        was, now = were.get(place), are.get(place)
        if was is not None and now is not None and was.deed == now.deed:
            continue
        kind = _kind(was, now)
        one = now or was
        assert one is not None  # noqa: S101 -- it is a place of one of both
        words = _words(was, now)
        key = (kind, one.source, one.alert, *words)
        at, delivery, position = place
        told = Told(delivery=delivery, at=at, position=position, before=was, after=now)
        found.setdefault(key, []).append(told)
    shared = before.playbooks.keys() & after.playbooks.keys()
    return Comparison(
        differences=tuple(
            Difference(
                kind=kind, source=source, alert=alert, before=said, after=says, alerts=tuple(alerts)
            )
            for (kind, source, alert, said, says), alerts in sorted(
                found.items(), key=lambda item: (list(Kind).index(item[0][0]), *item[0][1:])
            )
        ),
        rules=_by_rule(before, after),
        fired=(before.fired, after.fired),
        counts=(before.counts, after.counts),
        unknown_runs=(before.unknown_runs, after.unknown_runs),
        playbooks=tuple(
            sorted(name for name in shared if before.playbooks[name] != after.playbooks[name])
        ),
    )


def _by_rule(before: Replayed, after: Replayed) -> tuple[RuleRow, ...]:
    fired, blocked = Counter[tuple[str, str, int]](), Counter[tuple[str, str, int]]()
    for side, replayed in enumerate((before, after)):
        for each in replayed.fates:
            if each.fired:
                name = (each.rule or "-", each.playbook or "-", side)
                fired[name] += 1
                blocked[name] += each.end is End.BLOCKED
    return tuple(
        RuleRow(
            rule=rule,
            playbook=playbook,
            fired=(fired[rule, playbook, 0], fired[rule, playbook, 1]),
            blocked=(blocked[rule, playbook, 0], blocked[rule, playbook, 1]),
        )
        for rule, playbook in sorted({(rule, playbook) for rule, playbook, _ in fired})
    )


def _kind(was: Fate | None, now: Fate | None) -> Kind:
    ran, runs = was is not None and was.fired, now is not None and now.fired
    if was is None or now is None or not (ran and runs):
        return Kind.GONE if ran else Kind.NEW if runs else Kind.TAKEN_IN
    same = (was.playbook, was.parameters) == (now.playbook, now.parameters)
    if not same:
        return Kind.CHANGED
    blocked, blocks = was.end is End.BLOCKED, now.end is End.BLOCKED
    if blocks and not blocked:
        return Kind.BLOCKED
    if blocked and not blocks:
        return Kind.UNBLOCKED
    return Kind.MODE if was.mode != now.mode else Kind.ENDS


def _newly_blocked_by(told: Told) -> str:
    """Return the guard that stops it now and did not before; nothing where there is none."""
    guard = told.after.guard if told.after else None
    before = told.before.guard if told.before else None
    return guard if guard and guard != before else ""


def _words(was: Fate | None, now: Fate | None) -> tuple[str, str]:
    """Say both without what differs from one alert to the next, but for what makes them differ."""
    said, says = (each.words if each else _NOTHING for each in (was, now))
    if was is None or now is None or was.parameters == now.parameters:
        return said, says
    if not (was.fired and now.fired):
        return said, says
    others = sorted(dict(was.parameters.items() ^ now.parameters.items()))
    return _given(said, was, others), _given(says, now, others)


_NOTHING = "nothing: it repeats or ends what is known"


def _given(words: str, fate: Fate, names: list[str]) -> str:
    given = ", ".join(f"{name}={fate.parameters.get(name, '-')}" for name in names)
    return f"{words} ({given})"
