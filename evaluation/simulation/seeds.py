"""
Week after week, each of another seed, until something breaks a promise; then as few events as do.

What fails is named by the promise that it breaks. A week is drawn as a whole, so its events are
known by their numbers, and fewer of them are still the same events at the same moments. An error
that no part of the program expected is a failure like any other, named by its place.
"""

from __future__ import annotations

import itertools
import shlex
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation.scenario import Firing
from evaluation.simulation.shrinking import shrunk
from evaluation.simulation.table import broken_promises
from evaluation.simulation.week import events, simulate

WEEK_DAYS = 7.0


@dataclass(frozen=True)
class Search:
    """Weeks in one PostgreSQL, under one policy."""

    server: EmbeddedPostgres
    policy: Path
    console: Console
    sweeps_changes: bool = True
    by_chance: bool = True

    def through(self, days: float, first_seed: int) -> int:
        """Simulate so many days, in weeks of one seed after the other; return how many failed."""
        failed, alerts, began = 0, 0, time.monotonic()
        lengths = list(weeks(days))
        for seed, length in zip(itertools.count(first_seed), lengths, strict=False):
            started = time.monotonic()
            broken, count = self.broken(length, seed)
            failed, alerts = failed + bool(broken), alerts + count
            ended = f"FAILED, {', '.join(broken)}" if broken else "passed"
            seconds = time.monotonic() - started
            self._say(f"seed {seed}: {length:g} days, {count} alerts, {seconds:.0f} s: {ended}")
            if broken:
                self.explain(length, seed, broken)
        seconds = time.monotonic() - began
        self._say(
            f"{len(lengths)} seeds, {sum(lengths):g} days, {alerts} alerts in {seconds:.0f} s:"
            f" {failed} failed"
        )
        return failed

    def broken(
        self, days: float, seed: int, only: Sequence[int] | None = None
    ) -> tuple[list[str], int]:
        """Return the promises that a week breaks, and how many alerts it had."""
        try:
            week = simulate(
                self.server,
                self.policy,
                days=days,
                seed=seed,
                only=only,
                sweeps_changes=self.sweeps_changes,
                by_chance=self.by_chance,
            )
        except Exception as error:  # noqa: BLE001 -- a night goes on, and this is what it looks for
            place = traceback.extract_tb(error.__traceback__)[-1]
            return [f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"], 0
        return broken_promises(week), week.alerts

    def explain(self, days: float, seed: int, broken: Sequence[str]) -> list[int]:
        """Print the fewest events that break one of these promises, and how to replay them."""
        week = events(days, seed, by_chance=self.by_chance)
        tried = 0

        def fails(numbers: Sequence[int]) -> bool:
            nonlocal tried
            tried += 1
            return not set(broken).isdisjoint(self.broken(days, seed, numbers)[0])

        everything = range(len(week))
        if not fails(everything):
            self._say("  the same week passed at the second try: its failure hangs on the time")
            return list(everything)
        left = shrunk(everything, fails)
        self._say(f"  {len(left)} of {len(week)} events do it, found in {tried} tries:")
        for number in left:
            self._say(f"  {number:5} {in_words(week[number])}")
        self._say(f"  {self.replay(days, seed, left)}")
        return left

    def replay(self, days: float, seed: int, numbers: Sequence[int]) -> str:
        """Return the command that plays these events alone."""
        only = ",".join(map(str, numbers))
        arguments = f"--days {days:g} --seed {seed} --only {only}"
        arguments += "" if self.sweeps_changes else " --no-sweep"
        arguments += "" if self.by_chance else " --no-chance"
        return f"make simulate ARGS={shlex.quote(arguments)}"

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)


def weeks(days: float) -> Iterator[float]:
    """Yield the lengths of the weeks that so many days are; the last may be shorter."""
    while days > 0:
        yield min(days, WEEK_DAYS)
        days -= WEEK_DAYS


def in_words(firing: Firing) -> str:
    """Return what is to know of an event."""
    more = [
        "a fix works" if firing.works else "no fix helps",
        firing.mishap and firing.mishap.value,
        firing.revert_mishap and f"of its revert: {firing.revert_mishap.value}",
        firing.meddled and "a person sets it by hand meanwhile",
        firing.needs_person and f"asked for, says {'yes' if firing.says_yes else 'no'}",
        firing.retried and "retried",
        firing.recovered_alive and "taken for dead while alive",
    ]
    words = "; ".join(each for each in more if each)
    return f"{firing.at:%a %d %b %H:%M:%S} {firing.alertname} {firing.target}: {words}"
