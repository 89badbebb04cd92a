"""The episode rule, case by case: what arrived before, what arrives now, what that means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from cct_ops.ledger.intake.episodes import ClosedAs, Episode, Verdict, judge
from cct_ops.models.alert import Alert
from tests.ledger.alerts import firing, resolved


def at(second: int) -> datetime:
    """Return a moment of the story, by its second."""
    return datetime(2026, 11, 23, 12, 0, tzinfo=UTC) + timedelta(seconds=second)


def fires(starts: int) -> Alert:
    """Return an alert that began then."""
    return firing(at(starts), alertname="X")


def ends(starts: int, second: int | None) -> Alert:
    """Return its end."""
    return resolved(fires(starts), None if second is None else at(second))


OPEN = Episode(uuid4(), 2, starts_at=at(100), last_seen_at=at(150), floor=at(60))
RESOLVED = replace(OPEN, closed_as=ClosedAs.RESOLVED, ends_at=at(200), closed_at=at(205))
EXPIRED = replace(OPEN, closed_as=ClosedAs.EXPIRED, closed_at=at(900))


@pytest.mark.parametrize(
    ("latest", "alert", "verdict"),
    [
        (None, fires(0), Verdict.OPENED),
        (None, ends(0, 5), Verdict.UNKNOWN),
        (OPEN, fires(100), Verdict.SEEN),
        (OPEN, fires(107), Verdict.SEEN),  # another replica's later start
        (OPEN, fires(84), Verdict.SEEN),  # another replica's earlier start
        (OPEN, fires(60), Verdict.LATE),  # the episode before, still under way
        (OPEN, fires(30), Verdict.LATE),
        (OPEN, ends(100, 200), Verdict.CLOSED),
        (OPEN, ends(30, 60), Verdict.LATE),
        (OPEN, ends(70, 99), Verdict.LATE),
        (RESOLVED, fires(100), Verdict.LATE),
        (RESOLVED, fires(200), Verdict.LATE),
        (RESOLVED, fires(201), Verdict.OPENED),
        (RESOLVED, ends(100, 200), Verdict.LATE),
        (RESOLVED, ends(201, 240), Verdict.UNKNOWN),
        (EXPIRED, fires(100), Verdict.REOPENED),
        (EXPIRED, fires(150), Verdict.REOPENED),
        (EXPIRED, fires(151), Verdict.OPENED),
        (EXPIRED, fires(60), Verdict.LATE),
        (EXPIRED, ends(100, 200), Verdict.LATE),
        (EXPIRED, ends(300, 400), Verdict.UNKNOWN),
    ],
)
def test_an_alert_means_one_thing(latest: Episode | None, alert: Alert, verdict: Verdict) -> None:
    """Times only distinguish a late copy from a new episode; they are no identity."""
    assert judge(alert, latest, at(1000))[0] is verdict


def episodic(starts: int) -> Alert:
    """Return an alert whose start is that of its episode."""
    return fires(starts).model_copy(update={"episodic": True})


@pytest.mark.parametrize(
    ("alert", "verdict"),
    [
        (episodic(221), Verdict.OPENED),
        (episodic(220), Verdict.SEEN),  # so far apart replicas see one start
        (episodic(100), Verdict.SEEN),
        (episodic(60), Verdict.LATE),
        (fires(500), Verdict.SEEN),  # the time of the message, which says nothing about the start
    ],
)
def test_a_later_start_ends_the_episode_that_is_open(alert: Alert, verdict: Verdict) -> None:
    """However the last one ended: nobody reported its end, and this one began after our sight."""
    found, episode = judge(alert, OPEN, at(1000))

    assert found is verdict
    if found is Verdict.OPENED:
        assert episode is not None
        assert (episode.number, episode.floor) == (OPEN.number + 1, OPEN.last_seen_at)
    seen = replace(OPEN, last_seen_at=at(300))
    assert judge(alert, seen, at(1000))[0] is not Verdict.OPENED


def test_the_earliest_start_is_kept() -> None:
    """A start that moves back is another replica's report of the same episode."""
    assert judge(fires(84), OPEN, at(160)) == (
        Verdict.SEEN,
        replace(OPEN, starts_at=at(84), last_seen_at=at(160)),
    )
    assert judge(fires(107), OPEN, at(160))[1] == replace(OPEN, last_seen_at=at(160))


def test_a_new_episode_counts_on_from_the_end_of_the_last() -> None:
    """What began before that end belongs to the past."""
    _, episode = judge(fires(201), RESOLVED, at(1000))

    assert episode is not None
    assert episode.incident_id != RESOLVED.incident_id
    assert (episode.number, episode.floor, episode.closed_as) == (3, at(200), None)


def test_an_incident_ends_when_its_sender_says_so() -> None:
    """The end is the sender's, the time of closing is ours."""
    _, episode = judge(ends(100, 200), OPEN, at(1000))

    assert episode is not None
    assert (episode.ends_at, episode.closed_at) == (at(200), at(1000))


def test_a_resolved_notice_without_an_end_ends_now() -> None:
    """Go's zero time is no end to compare with."""
    _, episode = judge(ends(100, None), OPEN, at(1000))

    assert episode is not None
    assert episode.ends_at == at(1000)


def test_a_late_end_makes_an_expired_incident_resolved() -> None:
    """A copy of the alert cannot reopen what is known to be over."""
    _, episode = judge(ends(100, 200), EXPIRED, at(1000))

    assert episode is not None
    assert judge(fires(100), episode, at(1001)) == (Verdict.LATE, episode)


def test_what_is_late_changes_nothing() -> None:
    """A late notice is recorded, and that is all."""
    assert judge(fires(150), RESOLVED, at(1000))[1] is RESOLVED
    assert judge(ends(30, 60), OPEN, at(1000))[1] is OPEN
