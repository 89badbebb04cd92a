"""The episode rule as a machine: what truly happened, reported late, twice, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cct_ops.ledger.intake.episodes import (
    REPLICAS_DISAGREE,
    ClosedAs,
    Episode,
    Verdict,
    early_end,
    judge,
)
from cct_ops.models.alert import Alert, AlertStatus
from evaluation.soak.rules import cases

ZERO = datetime(2026, 11, 23, tzinfo=UTC)
JITTER = 20  # seconds by which replicas disagree about a start
LONG = int(REPLICAS_DISAGREE.total_seconds()) + 2 * JITTER


class Intake(RuleBasedStateMachine):
    """
    A thing that breaks and recovers, a pair of senders that report it, and the rule.

    The oracle knows what happened: an episode that was reported has one incident, and no other has
    one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0
        self.episodes = 0
        self.broken = False
        self.queues: list[list[tuple[int, Alert]]] = [[], []]
        self.heard: list[tuple[int, Alert]] = []
        self.latest: Episode | None = None
        self.early_end: datetime | None = None
        self.newest_heard = 0
        self.opened: list[int] = []
        self.ends: set[int] = set()
        self.reporters: set[tuple[int, str]] = set()

    def _at(self, second: int) -> datetime:
        return ZERO + timedelta(seconds=second)

    def _report(self, status: AlertStatus) -> None:
        """Both senders are going to report it, each at its own time."""
        ends_at = self._at(self.clock) if status is AlertStatus.RESOLVED else None
        start = self._at(self.started)
        for which, queue in enumerate(self.queues):
            alert = Alert(
                status=status,
                labels={"x": "y"},
                annotations={},
                starts_at=start,
                ends_at=ends_at,
                episodic=True,
                reporter=str(which),
            )
            queue.append((self.episodes, alert))

    def _hear(self, reported: tuple[int, Alert]) -> None:
        number, alert = reported
        self.clock = max(self.clock, self.started + JITTER) + 1  # senders wait before they report
        now = self._at(self.clock)
        verdict, self.latest = judge(alert, self.latest, now, self.early_end)
        if end := early_end(alert, verdict, now):
            self.early_end = max(end, self.early_end or end)
        self.heard.append(reported)
        if alert.status is AlertStatus.FIRING:
            self.reporters.add((number, alert.reporter))
            if verdict is Verdict.OPENED:
                self.opened.append(number)
            self.newest_heard = max(self.newest_heard, number)
        elif number == self.newest_heard:
            self.ends.add(number)

    @precondition(lambda self: not self.broken)
    @rule(wait=st.integers(2 * JITTER + 1, 500))
    def breaks(self, wait: int) -> None:
        """A new episode begins, after the disagreement about the last one is over."""
        self.clock += wait
        self.episodes += 1
        self.started = self.clock
        self.broken = True
        self._report(AlertStatus.FIRING)

    @precondition(lambda self: self.broken)
    @rule(wait=st.integers(2 * JITTER + 1, 500))
    def recovers(self, wait: int) -> None:
        """It is over."""
        self.clock += wait
        self.broken = False
        self._report(AlertStatus.RESOLVED)

    @precondition(lambda self: self.broken and self.newest_heard == self.episodes)
    @rule(wait=st.integers(1, 500))
    def recovers_and_nobody_reports(self, wait: int) -> None:
        """
        It is over, and its senders keep that to themselves: what they had to report is lost.

        It can fire again at once, unless one of the pair has not reported it yet: who then reports
        a start for the first time may be late to see the same one.
        """
        both = {(self.episodes, str(which)) for which in range(2)} <= self.reporters
        self.clock += wait if both else LONG + wait
        self.broken = False
        for queue in self.queues:
            queue.clear()

    @rule(which=st.integers(0, 1), jitter=st.integers(-JITTER, JITTER))
    def reports(self, which: int, jitter: int) -> None:
        """One of the pair reports the next thing that it knows, with a start of its own."""
        if self.queues[which]:
            number, alert = self.queues[which].pop(0)
            moved = alert.starts_at + timedelta(seconds=jitter)
            self._hear((number, alert.model_copy(update={"starts_at": moved})))

    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        """
        Something that was reported before is reported again.

        That something old still fires no sender reports after the next has begun, but for copies
        that were under way while its end came through.
        """
        under_way = [one for one in self.heard if one[0] == self.episodes or one[0] in self.ends]
        if under_way:
            self._hear(data.draw(st.sampled_from(under_way)))

    @precondition(lambda self: self.newest_heard == self.episodes)
    @rule()
    def is_silent(self) -> None:
        """
        Everything that was still to be reported is lost, and what was open expires.

        A silence is longer than any copy is under way and begins when nothing lags behind; after
        it what is broken is reported again.
        """
        for queue in self.queues:
            queue.clear()
        self.heard.clear()
        self.clock += 2 * JITTER + 1
        if self.latest is not None and self.latest.closed_as is None:
            self.latest = Episode(
                **{
                    **self.latest.__dict__,
                    "closed_as": ClosedAs.EXPIRED,
                    "closed_at": self._at(self.clock),
                }
            )
        if self.broken:
            self._report(AlertStatus.FIRING)

    @invariant()
    def each_episode_has_one_incident_at_most(self) -> None:
        """Nothing twice, and always in the order in which it happened."""
        assert self.opened == sorted(set(self.opened))

    @invariant()
    def what_was_told_has_its_incident(self) -> None:
        """The newest episode that anybody reported is the newest incident."""
        if self.newest_heard:
            assert self.opened[-1] == self.newest_heard

    @invariant()
    def the_newest_incident_is_over_when_that_was_reported(self) -> None:
        """And only then, or in a long silence."""
        if self.latest is not None and self.latest.closed_as is not ClosedAs.EXPIRED:
            assert (self.latest.closed_as is not None) == (self.newest_heard in self.ends)


class Undated(RuleBasedStateMachine):
    """
    A sender without a clock, whose messages have names, and the rule.

    The oracle is the order in which the messages first came: copies of them change nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0
        self.latest: Episode | None = None
        self.heard: list[tuple[AlertStatus, int]] = []
        self.opened = 0
        self.is_open = False

    def _hear(self, status: AlertStatus, first: int) -> Verdict:
        at = ZERO + timedelta(seconds=first)
        over = at if status is AlertStatus.RESOLVED else None
        alert = Alert(
            status=status,
            labels={"x": "y"},
            annotations={},
            starts_at=at,
            ends_at=over,
            undated=True,
        )
        now = ZERO + timedelta(seconds=self.clock)
        verdict, self.latest = judge(alert, self.latest, now)
        return verdict

    @rule(status=st.sampled_from(AlertStatus), wait=st.integers(1, 500))
    def reports(self, status: AlertStatus, wait: int) -> None:
        """It reports something new."""
        self.clock += wait
        self.heard.append((status, self.clock))
        firing = status is AlertStatus.FIRING
        verdict = self._hear(status, self.clock)
        assert (verdict is Verdict.OPENED) == (firing and not self.is_open)
        assert (verdict is Verdict.CLOSED) == (not firing and self.is_open)
        self.opened += verdict is Verdict.OPENED
        self.is_open = firing

    @precondition(lambda self: self.heard)
    @rule(data=st.data(), wait=st.integers(1, 500))
    def repeats(self, data: st.DataObject, wait: int) -> None:
        """Something that it reported before comes again."""
        self.clock += wait
        before = self.latest
        verdict = self._hear(*data.draw(st.sampled_from(self.heard)))
        assert not verdict.changes
        if before is not None and self.latest is not None:
            assert self.latest.closed_as == before.closed_as

    @invariant()
    def each_opening_is_one_episode(self) -> None:
        """They are counted, and the newest is open when the newest message says so."""
        assert self.opened == (self.latest.number if self.latest is not None else 0)
        if self.latest is not None:
            assert (self.latest.closed_as is None) == self.is_open


TestUndated = Undated.TestCase
TestUndated.settings = settings(
    max_examples=cases("episodes", 100), stateful_step_count=50, deadline=None
)
TestIntake = Intake.TestCase
TestIntake.settings = settings(
    max_examples=cases("episodes", 200), stateful_step_count=50, deadline=None
)
