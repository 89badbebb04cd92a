"""
Replays a history by one set of rules, in the history's own time.

It starts nothing, asks nobody and has no means to. What a run would have found is known where the
same playbook really looked at the same target for the same incident: then its plan, the answer of
people, its change and its end are as they were, as far as the rules let it come there. Of a run
that never was nothing is known but the guards that would stop it: where none does, one that acts
alone is taken to make one change, of which nobody knows how it ends.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from itertools import count
from uuid import UUID

from cct_ops.controller.parameters import Unfit
from cct_ops.controller.routes import Rule
from cct_ops.controller.wanted_runs import WantedRun, group_of, is_watchdog, wanted_run
from cct_ops.redaction import redact_values
from cct_ops.replay.bursts import Bursts
from cct_ops.replay.history import FORMAT, Delivered, Held, Line, Open, RunOfThen, Switched
from cct_ops.replay.intake import Arrival, Intake, Opening
from cct_ops.replay.passage import Ended, Passages, Wanted
from cct_ops.replay.result import Became, Fate, Replayed
from cct_ops.replay.rules import Ruleset
from cct_ops.replay.world import World


def replay(rules: Ruleset, lines: Iterable[Line]) -> Replayed:
    """Return what these rules make of the history."""
    return _Replay(rules).run(lines)


class _Replay:
    """One replay by one set of rules."""

    def __init__(self, rules: Ruleset) -> None:
        self._rules = rules
        self._watchdogs = rules.watchdogs
        self._world = World(rules.policy)
        self._intake = Intake(rules.sources)
        self._bursts = Bursts(rules.routes.grouping)
        self._passages = Passages(rules.policy, self._world, self._when)
        self._events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._number = count()
        self._fates: list[Fate] = []
        self._runs: dict[UUID, list[RunOfThen]] = defaultdict(list)
        self._targets: dict[str, set[str]] = defaultdict(set)

    def run(self, lines: Iterable[Line]) -> Replayed:
        """Tell the history from its beginning to its end."""
        for line in lines:
            match line:
                case Delivered():
                    self._go_on_until(line.at[0])
                    self._arrive(line)
                case Open():
                    self._intake.begin_with(line)
                case RunOfThen():
                    self._remember(line)
                case Switched():
                    self._world.switches.append(line)
                case Held():
                    self._world.holds[line.target].append(line)
        self._go_on_until(None)
        fates = sorted(self._fates, key=lambda each: each.place)
        return Replayed(
            format=FORMAT,
            fates=tuple(fates),
            counts=dict(self._intake.counts),
            unknown_runs=sum(each.fired and not each.known for each in fates),
        )

    def _when(self, at: datetime, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self._events, (at, next(self._number), act))

    def _go_on_until(self, moment: datetime | None) -> None:
        """Let happen what is due by then."""
        while self._events and (moment is None or self._events[0][0] <= moment):
            at, _, act = heapq.heappop(self._events)
            act(at)

    def _remember(self, run: RunOfThen) -> None:
        """Keep a run for the alert that it was for; any other one happens as it did."""
        self._targets[run.playbook].add(run.target)
        if run.for_alert and run.incident is not None:
            self._runs[run.incident].append(run)
        else:
            self._passages.repeat(run)

    def _arrive(self, line: Delivered) -> None:
        arrival = self._intake.read(line)
        self._take(arrival, line.at[0])
        for moment in line.at[1:]:
            self._when(moment, partial(self._take, arrival))

    def _take(self, arrival: Arrival, at: datetime) -> None:
        """Take a delivery in; all that it opens is open before anything is done about it."""
        opened = []
        for found in self._intake.take(arrival, at):
            if isinstance(found, Fate):
                self._fates.append(found)
            else:
                opened.append(found)
                self._world.opened.append(at)
        for opening in opened:
            self._handle(opening)

    def _handle(self, opening: Opening) -> None:
        """Do what the controller does about an incident."""
        # as they are stored: without what looks like a secret
        routes, source, labels = (
            self._rules.routes,
            opening.source,
            redact_values(opening.alert.labels),
        )
        if is_watchdog(self._watchdogs, source, labels):
            self._note(opening, Became.WATCHDOG, None)
            return
        rule = routes.rule_for(source, labels)
        group = partial(group_of, routes, source, labels)
        led = self._bursts.leader(self._world.opened, opening.at, group, opening.incident)
        if led is not None and led[0] != opening.incident:
            self._note(opening, Became.GROUPED, rule)
            return
        if led is not None and not led[1]:
            self._note(opening, Became.NO_ROOM, rule)
            return
        wanted = wanted_run(rule, labels, in_burst=led is not None)
        if wanted is None:
            self._note(opening, Became.UNMATCHED, rule)
            return
        try:
            parameters = wanted.parameters()
        except Unfit as error:
            self._note(opening, Became.UNFIT, rule, note=str(error))
            return
        self._fire(opening, wanted, parameters)

    def _fire(self, opening: Opening, wanted: WantedRun, parameters: dict[str, str | int]) -> None:
        number = len(self._fates)
        self._note(
            opening,
            Became.FIRED,
            wanted.rule,
            playbook=wanted.playbook,
            mode=wanted.mode,
            parameters=parameters,
        )
        target = parameters.get("target")
        then = self._run_of_then(opening, wanted.playbook, target)
        run = Wanted(
            opening.incident,
            wanted.playbook,
            wanted.mode,
            self._target(wanted.playbook) if target is None else str(target),
            then,
            partial(self._end, number),
        )
        self._passages.begin(run, opening.at)

    def _end(self, number: int, ended: Ended) -> None:
        changes = ended._asdict()
        self._fates[number] = self._fates[number].model_copy(update=changes)

    def _run_of_then(
        self, opening: Opening, playbook: str, target: str | int | None
    ) -> RunOfThen | None:
        """Return the run that really looked at the same, if there was one."""
        found = self._runs.get(opening.really, ()) if opening.really else ()
        return next(
            (
                run
                for run in found
                if run.playbook == playbook and (target is None or run.target == target)
            ),
            None,
        )

    def _target(self, playbook: str) -> str | None:
        """Return the one target that a playbook without a parameter for it has, if it is known."""
        policy = self._rules.policy.of(playbook).targets
        plain = [each for each in policy if "*" not in each]
        if len(policy) == len(plain) == 1:
            return plain[0]
        known = self._targets[playbook]
        return next(iter(known)) if len(known) == 1 else None

    def _note(self, opening: Opening, became: Became, rule: Rule | None, **more: object) -> None:
        fate = {
            "delivery": opening.delivery,
            "at": opening.at,
            "position": opening.position,
            "source": opening.source,
            "alert": opening.name,
            "became": became,
            "rule": rule and rule.name,
            **more,
        }
        self._fates.append(Fate.model_validate(fate))
