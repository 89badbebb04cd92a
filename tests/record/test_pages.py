"""The pages in a browser: nothing of them is wider than a phone, whatever senders wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from playwright.sync_api import Browser

from cct_ops.ledger.intake import outbox
from cct_ops.record import account, page as account_page
from cct_ops.record.report import checks, facts, figures, page as report_page
from cct_ops.record.review import page as review_page, reading
from tests.chromium import browser, needs_chromium
from tests.ledger.alerts import opened

__all__ = ["browser"]  # a fixture

PHONE = 390
WORD = "x" * 2000

pytestmark = needs_chromium


def test_a_word_without_an_end_makes_no_page_wider_than_a_phone(
    engine: sa.Engine, browser: Browser
) -> None:
    incident = opened(engine, alertname=WORD, **{WORD: WORD})
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    outbox.hand_to_people(engine, claim, state="notified", rule=WORD, reason=WORD)
    now = datetime.now(UTC)
    told, reviewed = account.read(engine, incident), reading.read(engine, incident)
    assert told is not None
    assert reviewed is not None
    report = figures.reckon(*checks.checked(facts.read(engine, now - timedelta(days=1))))
    written = {
        "account": account_page.render(told),
        "review": review_page.render(reviewed, now),
        "report": report_page.render(report),
    }

    wide = {}
    for name, html in written.items():
        tab = browser.new_page(viewport={"width": PHONE, "height": 844})  # with no other's policy
        tab.set_content(html)
        wide[name] = tab.evaluate("document.documentElement.scrollWidth")

    assert wide == dict.fromkeys(written, PHONE)
