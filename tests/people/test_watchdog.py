"""A silent part of ours is reported once by the other, and once more when it is back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.errors import Unavailable
from cct_ops.ledger.people import heartbeats, pages
from cct_ops.ledger.people.tables import heartbeats as table
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.people.watchdog import (
    CONTROLLER,
    GATEWAY,
    STARTS_WITHIN_SECONDS,
    Listening,
    PeerWatchdog,
)
from cct_ops.sandbox.control import SandboxControl
from tests.approvals.parts import CONTACTS

SILENT = ":rotating_light: The controller of cct-ops is silent"
BACK = ":white_check_mark: The controller of cct-ops is heard again"


def watching(engine: sa.Engine, url: str, listening: Listening | None = None) -> PeerWatchdog:
    """The gateway's look at the controller, which it has had in sight for an hour by default."""
    now = datetime.now(UTC)
    usual = Listening(since=now - timedelta(hours=1), last=now)
    notifier = Notifier(engine, SecretStr(url))
    return PeerWatchdog(engine, GATEWAY, CONTROLLER, notifier, listening=listening or usual)


@pytest.fixture
def watchdog(engine: sa.Engine, sandbox: SandboxControl) -> PeerWatchdog:
    """The same, which notifies people."""
    return watching(engine, f"{sandbox.base_url}/slack/incidents")


def fall_silent(engine: sa.Engine, part: str, seconds: float = 61) -> None:
    """Let the part's last sign of life be that old."""
    heartbeats.beat(engine, part)
    with engine.begin() as tx:
        tx.execute(
            sa.update(table)
            .where(table.c.part == part)
            .values(
                last_at=sa.func.clock_timestamp() - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
            )
        )


def notices(sandbox: SandboxControl) -> list[str]:
    """Return what people were notified of, in order."""
    return [message.body["text"] for message in sandbox.slack_messages()]


def test_a_silence_is_reported_once_and_its_end_too(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """However often one looks; and a second silence is reported anew."""
    fall_silent(engine, CONTROLLER)
    for _ in range(3):
        watchdog()
    assert notices(sandbox) == [SILENT]
    blocks = sandbox.slack_messages()[0].body["blocks"]
    assert "cct-ops start controller" in blocks[0]["text"]["text"]

    heartbeats.beat(engine, CONTROLLER)
    for _ in range(2):
        watchdog()
    assert notices(sandbox) == [SILENT, BACK]

    fall_silent(engine, CONTROLLER)
    watchdog()
    assert notices(sandbox) == [SILENT, BACK, SILENT]


def test_a_part_that_was_just_heard_is_not_silent(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Nor is one that was never heard, when it is first looked for; later it is."""
    watchdog()
    fall_silent(engine, CONTROLLER, seconds=30)
    watchdog()

    assert notices(sandbox) == []


def test_a_silence_that_slack_did_not_take_is_reported_later(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """It counts as reported only when it was."""
    fall_silent(engine, CONTROLLER)
    nowhere = watching(engine, "http://127.0.0.1:1/slack")
    with pytest.raises(Unavailable):
        nowhere()

    watchdog()
    assert notices(sandbox) == [SILENT]


def test_of_two_watchers_one_reports(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """While the first is reporting, the second leaves it alone."""
    fall_silent(engine, CONTROLLER)
    with heartbeats.changed(engine, CONTROLLER, 60) as change:
        assert change is not None
        watchdog()
    watchdog()

    assert notices(sandbox) == []


def test_each_watcher_gives_its_own_sign_of_life(watchdog: PeerWatchdog, engine: sa.Engine) -> None:
    """So that the other can look for it."""
    fall_silent(engine, GATEWAY)
    watchdog()

    with heartbeats.changed(engine, GATEWAY, 60) as change:
        assert change is None


def test_a_silence_is_paged_once_and_its_end_not(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Also when Slack does not take the message; a second silence is paged anew."""
    fall_silent(engine, CONTROLLER)
    with pytest.raises(Unavailable):
        watching(engine, "http://127.0.0.1:1/slack")()
    watchdog()
    (page,) = (each.page for each in pages.newest(engine, 9))
    assert page.subject == "Silent: the controller of cct-ops"
    assert "cct-ops start controller" in page.body

    heartbeats.beat(engine, CONTROLLER)
    watchdog()
    fall_silent(engine, CONTROLLER, seconds=70)
    watchdog()
    assert len(pages.newest(engine, 9)) == 2


def test_pages_are_sent_for_a_controller_that_is_silent_and_for_no_other(
    watchdog: PeerWatchdog,
    engine: sa.Engine,
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it lives, that is its own work."""
    monkeypatch.setenv("PAGES_ANNA", f"{sandbox.base_url}/slack/anna")
    paging = replace(watchdog, pager=Pager(engine, CONTACTS))
    pages.ask(engine, "a cause", subject="P0: A", body="It is bad.")
    heartbeats.beat(engine, CONTROLLER)
    paging.page()
    assert notices(sandbox) == []

    fall_silent(engine, CONTROLLER)
    paging.page()
    assert notices(sandbox) == ["P0: A\nIt is bad."]


def test_after_a_downtime_of_everything_nobody_is_silent(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Whoever is back first gives the other as long as it takes to fall silent."""
    fall_silent(engine, CONTROLLER, seconds=3600)
    fall_silent(engine, GATEWAY, seconds=3600)
    started = watching(engine, f"{sandbox.base_url}/slack/incidents", Listening())
    started()
    assert (notices(sandbox), pages.newest(engine, 9)) == ([], [])

    began = started.listening.since
    assert began is not None
    started.listening.since = began - timedelta(seconds=STARTS_WITHIN_SECONDS + 1)
    started()
    assert notices(sandbox) == [SILENT]


def test_a_part_that_takes_its_time_to_start_is_not_silent(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """The gateway is the first, so that alerts come in; once the other was heard, it counts."""
    fall_silent(engine, CONTROLLER, seconds=3600)
    began = datetime.now(UTC) - timedelta(seconds=120)
    listening = Listening(since=began, last=datetime.now(UTC))
    started = watching(engine, f"{sandbox.base_url}/slack/incidents", listening)
    started()
    assert (notices(sandbox), pages.newest(engine, 9)) == ([], [])

    fall_silent(engine, CONTROLLER)
    started()
    assert notices(sandbox) == [SILENT]


def test_a_part_that_was_never_heard_has_as_long_to_start(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """On the first start of all the controller comes when the deployments are applied."""
    started = watching(engine, f"{sandbox.base_url}/slack/incidents", Listening())
    started()
    for seconds, said in ((120, []), (STARTS_WITHIN_SECONDS - 119, [SILENT])):
        earlier = timedelta(seconds=seconds)
        assert started.listening.since is not None
        started.listening.since -= earlier
        with engine.begin() as tx:
            tx.execute(sa.update(table).values(last_at=table.c.last_at - earlier))
        started()
        assert notices(sandbox) == said


def test_a_watch_that_stood_still_begins_anew(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Its machine slept, or the ledger was away: then nobody could give a sign of life."""
    watchdog.listening.last = datetime.now(UTC) - timedelta(minutes=10)
    fall_silent(engine, CONTROLLER, seconds=600)
    watchdog()

    assert notices(sandbox) == []


def test_what_was_reported_as_silent_is_not_heard_by_a_restart_of_the_watch(
    watchdog: PeerWatchdog, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    fall_silent(engine, CONTROLLER)
    watchdog()
    watchdog.listening.last = None
    watchdog()

    assert notices(sandbox) == [SILENT]
