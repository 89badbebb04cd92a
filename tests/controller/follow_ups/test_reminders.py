"""People are reminded of follow-ups once a day until they are done."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.config.approvers import Approver, Approvers
from cct_ops.controller import follow_ups
from cct_ops.errors import Unavailable
from cct_ops.ledger import set_aside
from cct_ops.ledger.record import follow_ups as rows
from cct_ops.ledger.record.tables import follow_ups as table
from cct_ops.models.follow_up import FollowUpState
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.settings import Settings
from tests.controller.follow_ups.promises import promised, says

ANNA = Approver(id="anna", name="Anna Ito", slack_user_id="U0ANNA")


def remind(engine: sa.Engine, settings: Settings, sandbox: SandboxControl) -> int:
    """Let another process of ours come to its turn."""
    set_aside.border.cache_clear()
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    return follow_ups.remind(engine, settings, notifier, Approvers(approvers=(ANNA,)))


def reminders(sandbox: SandboxControl) -> list[str]:
    """Return all that people were sent."""
    return [str(message.body) for message in sandbox.slack_messages()]


def a_day_passes(engine: sa.Engine) -> None:
    """Let the last reminder have been yesterday."""
    with engine.begin() as tx:
        tx.execute(sa.update(table).values(notified_on=table.c.notified_on - 1))


def test_people_are_reminded_once_a_day_until_it_is_done(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    """Also by the next process; what is due later, or over, is in no reminder."""
    late = promised(engine, "Late <!here>.", days=-9, owner="anna")
    today = promised(engine, "Now.")
    promised(engine, "Later.", days=1)
    rows.end(engine, promised(engine, "Over.", days=-1), FollowUpState.DONE, by="bo")

    assert [remind(engine, settings, sandbox) for _ in range(3)] == [2, 0, 0]
    (said,) = reminders(sandbox)
    assert "2 follow-ups of incidents are due, 1 of them overdue" in said
    assert "overdue for 9 days, <@U0ANNA>: Late &lt;!here&gt;." in said
    assert "due today, bo: Now." in said
    assert f"cct-ops follow-ups done {late}" in said
    assert "Later." not in said
    assert "Over." not in said

    a_day_passes(engine)
    rows.end(engine, today, FollowUpState.DONE, by="bo")
    assert remind(engine, settings, sandbox) == 1
    assert "A follow-up of an incident is overdue" in reminders(sandbox)[1]


def test_nobody_is_reminded_before_the_hour_of_policy(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl, policy: Path
) -> None:
    promised(engine)
    says(policy, remind_at="23:59")
    assert remind(engine, settings, sandbox) == 0

    says(policy, remind_at="00:00")
    assert remind(engine, settings, sandbox) == 1


def test_what_slack_did_not_take_is_sent_again(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    promised(engine)
    sandbox.faults(Fault(path="/slack/", count=1, error_status=503))
    with pytest.raises(Unavailable):
        remind(engine, settings, sandbox)

    assert remind(engine, settings, sandbox) == 1
    assert len(reminders(sandbox)) == 1


def test_one_that_cannot_be_read_stops_no_other(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    bad, good = promised(engine, days=-1), promised(engine, "Good.")
    with engine.begin() as tx:
        tx.execute(sa.update(table).where(table.c.id == bad).values(text=""))

    assert remind(engine, settings, sandbox) == 1
    assert "Good." in reminders(sandbox)[0]
    (aside,) = set_aside.listed(engine)
    assert (aside.part, aside.item) == ("follow-ups that are due", str(bad))
    assert rows.find(engine, good).open


def test_another_owner_or_day_is_news_on_the_same_day(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    mine = promised(engine, days=-1)
    remind(engine, settings, sandbox)

    rows.assign(engine, mine, owner="anna", due=None, by="ada")

    assert remind(engine, settings, sandbox) == 1
