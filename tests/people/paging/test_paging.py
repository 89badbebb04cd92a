"""A page reaches the first contact that can be reached, once for its cause, and is not lost."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.blocks.webhook import Webhook
from pydantic import SecretStr

from cct_ops.clients.slack import SlackBot
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.contacts import Contact, Contacts
from cct_ops.config.sources import KeyReference
from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.people import pages
from cct_ops.ledger.people.tables import page_attempts, pages as page_rows
from cct_ops.people.direct import Direct
from cct_ops.people.paging import Pager, unreachable
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.people.paging.conftest import env, people, said

pytestmark = pytest.mark.usefixtures("addresses")

SECRET = "s3cret-0123456789"


def custom(url: str) -> dict[str, object]:
    """Make a custom webhook block as a person does in Prefect's UI; return the way through it."""
    name = f"w{uuid4().hex[:10]}"
    CustomWebhookNotificationBlock(
        name="sandbox",
        url=url,
        json_data={"text": "{{subject}}: {{body}}", "token": "{{key}}"},
        secrets={"key": SECRET},
    ).save(name)
    return {"block": f"custom-webhook/{name}"}


def slack(url: str) -> dict[str, object]:
    """Make a Slack block, which delivers through Apprise."""
    name = f"s{uuid4().hex[:10]}"
    SlackWebhook(url=url).save(name)
    return {"block": f"slack-webhook/{name}"}


def ask(engine: sa.Engine, cause: str = "a cause", body: str = "It is bad.") -> bool:
    """Ask for a page."""
    return pages.ask(engine, cause, subject="P0: A", body=body)


def due_now(engine: sa.Engine) -> None:
    """Let the pause after a failure be over."""
    with engine.begin() as tx:
        tx.execute(sa.update(page_rows).values(next_attempt_at=in_seconds(-1)))


def tried(engine: sa.Engine) -> list[tuple[str, bool]]:
    """Return who was tried, and whether that reached anybody."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(page_attempts).order_by(page_attempts.c.id)).all()
    return [(row.contact, row.reached) for row in rows]


def test_a_block_in_prefect_brings_the_page(
    engine: sa.Engine, prefect: str, sandbox: SandboxControl
) -> None:
    ask(engine)
    pager = Pager(engine, people(custom(f"{sandbox.base_url}/slack/a"), env("PAGES_BEN")))

    assert pager() == 1
    assert said(sandbox) == [("a", "P0: A: It is bad.")]
    assert tried(engine) == [("a", True)]


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's
def test_what_failed_is_kept_and_the_next_contact_is_tried(
    engine: sa.Engine, prefect: str, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong: none of Prefect's ways to fail passes for success, none shows a secret."""
    Webhook(url="http://127.0.0.1:1/").save(plain := f"p{uuid4().hex[:10]}")
    ways: list[dict[str, object]] = [
        slack(f"http://127.0.0.1:1/{SECRET}"),  # not Slack's: Apprise has nobody to tell
        custom(f"http://127.0.0.1:1/{SECRET}"),
        custom(f"{sandbox.base_url}/nowhere/{SECRET}"),
        {"block": f"webhook/{plain}"},
        {"block": "pager-duty-webhook/never-made"},
        env("NEVER_SET"),
        env("PAGES_BEN"),
    ]
    ask(engine)

    with caplog.at_level(logging.INFO):
        assert Pager(engine, people(*ways))() == 1

    assert tried(engine) == [(name, name == "g") for name in "abcdefg"]
    assert said(sandbox) == [("ben", "P0: A\nIt is bad.")]
    (kept,) = pages.newest(engine, 1)
    notes = [attempt.note or "" for attempt in kept.attempts]
    for note, words in zip(
        notes,
        (
            "did not deliver: NotificationError",
            "did not deliver: ConnectError",
            "it was answered 404",
            "cannot notify",
            "Prefect has no block pager-duty-webhook/never-made",
            "NEVER_SET is not set",
            "",
        ),
        strict=True,
    ):
        assert words in note
    everywhere = "\n".join(notes) + "\n".join(
        record.getMessage() for record in caplog.records if record.name != "httpx"
    )
    assert SECRET not in everywhere
    assert "page 'a cause' did not reach a" in everywhere


def test_a_cause_is_paged_once(engine: sa.Engine, sandbox: SandboxControl) -> None:
    pager = Pager(engine, people(env("PAGES_ANNA")))

    assert ask(engine) is True
    assert ask(engine, body="Said again by a retry.") is False
    assert (pager(), pager()) == (1, 0)
    assert ask(engine) is False
    assert pager() == 0
    assert len(said(sandbox)) == 1


def test_two_senders_do_not_page_twice(engine: sa.Engine, sandbox: SandboxControl) -> None:
    """While the first is at it, the second finds nothing to do."""
    ask(engine)
    (page_id,) = pages.due(engine)
    with pages.claimed(engine, page_id) as claimed_page:
        assert claimed_page is not None
        assert Pager(engine, people(env("PAGES_ANNA")))() == 0

    assert said(sandbox) == []


def test_a_page_that_reached_nobody_is_tried_again_from_the_first(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """After a pause, not at once."""
    pager = Pager(engine, people(env("PAGES_ANNA"), env("PAGES_BEN")))
    sandbox.faults(Fault(path="/slack/", error_status=500))
    ask(engine)
    assert (pager(), pager()) == (0, 0)
    assert tried(engine) == [("a", False), ("b", False)]

    sandbox.faults()
    assert pager() == 0
    due_now(engine)
    assert pager() == 1
    assert tried(engine)[2:] == [("a", True)]


def test_a_page_of_yesterday_wakes_nobody(engine: sa.Engine, sandbox: SandboxControl) -> None:
    ask(engine)
    with engine.begin() as tx:
        tx.execute(sa.update(page_rows).values(raised_at=in_seconds(-25 * 3600)))

    assert Pager(engine, people(env("PAGES_ANNA")))() == 0
    (page,) = (each.page for each in pages.newest(engine, 1))
    assert page.note == "Nobody was reached within 24 hours."


def test_without_a_way_into_prefect_a_block_is_a_failure_like_any_other(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """As in the gateway, which is given none."""
    ask(engine)
    pager = Pager(engine, people({"block": "custom-webhook/a"}, env("PAGES_BEN")))

    assert pager() == 1
    assert tried(engine) == [("a", False), ("b", True)]


def test_who_cannot_be_reached_is_known_before_anybody_has_to_be(
    prefect: str, sandbox: SandboxControl
) -> None:
    known = people(
        custom(f"{sandbox.base_url}/slack/a"), {"block": "slack-webhook/none"}, env("PAGES_NOBODY")
    )

    assert [contact.id for contact, _ in unreachable(known)] == ["b", "c"]
    assert said(sandbox) == []


def test_a_page_for_one_person_takes_every_way_to_that_person_and_to_nobody_else(
    engine: sa.Engine, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts first, then our bot, then the place that only this person reads."""
    lead = Approver(
        id="lead",
        name="Incident lead",
        slack_user_id="U000LEAD",
        webhook=KeyReference(env="PAGES_BEN"),
    )
    bot = SlackBot(SecretStr("wrong"), "#incidents", "http://127.0.0.1:1/")
    known = Contacts(contacts=(Contact(id="other", webhook=KeyReference(env="PAGES_ANNA")),))
    pages.ask(engine, "assignment 7", subject="Yours", body="-", addressee="lead")

    assert Pager(engine, known, Direct(Approvers(approvers=(lead,)), bot))() == 1

    assert tried(engine) == [("lead", False), ("lead", True)]
    (kept,) = pages.newest(engine, 1)
    assert [each.way for each in kept.attempts] == ["a message in Slack", "webhook PAGES_BEN"]
    assert [place for place, _ in said(sandbox)] == ["ben"]


def test_a_page_for_somebody_whom_nothing_reaches_stays_due(engine: sa.Engine) -> None:
    pages.ask(engine, "assignment 7", subject="Yours", body="-", addressee="nobody")

    assert Pager(engine, people(env("PAGES_ANNA")))() == 0

    (kept,) = pages.newest(engine, 1)
    assert (kept.attempts, kept.page.ended_at, kept.page.attempts) == ((), None, 1)
