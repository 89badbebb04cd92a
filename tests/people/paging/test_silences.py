"""Notices about what people silenced are not sent, and nothing else is kept from anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.controller.handlers import Notification
from cct_ops.controller.p0_incidents import page_about_new
from cct_ops.controller.routes import read_routes
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.intake import inbox, outbox
from cct_ops.ledger.people import silences
from cct_ops.ledger.people.silences import Muted
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.sandbox.control import SandboxControl
from tests.conftest import ROOT
from tests.ledger.alerts import opened
from tests.people.paging.conftest import env, fires, people, said

pytestmark = pytest.mark.usefixtures("addresses")

ROUTES: Path = ROOT / "deployments" / "routes.yaml"


def silenced(engine: sa.Engine, matchers: str, minutes: float = 60) -> UUID:
    """Silence alerts for so long."""
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    made = Muted(id=uuid4(), matchers=matchers, until=until, reason="a known one", person="ada")
    assert silences.declare(engine, made)
    return made.id


def test_nobody_is_paged_about_what_is_silenced_until_that_ends(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    pager = Pager(engine, people(env("PAGES_ANNA")))
    fires(engine, "P0", "Down")
    fires(engine, "P0", "Other")
    silence = silenced(engine, "alertname=~Down.*")

    assert page_about_new(pager) == 1
    assert ["Other" in text for _, text in said(sandbox)] == [True]
    assert silences.end(engine, silence, "ada")
    assert page_about_new(pager) == 1
    assert "Down" in said(sandbox)[-1][1]


def test_a_silenced_notice_says_so_in_the_inbox(engine: sa.Engine) -> None:
    routes = read_routes(ROUTES)
    incident = opened(engine, alertname="Quiet")
    silenced(engine, 'alertname="Quiet"')
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    outbox.hand_to_people(engine, claim, state="notified", rule="r", reason="No playbook.")
    notice = outbox.claim(engine, outbox.NOTICE, 30)
    assert notice is not None

    Notification(engine, Notifier(engine), routes, lambda _: None)(notice)

    (arrived,) = inbox.about(engine, str(incident))
    assert "not notified: silenced by ada until " in arrived.became
    assert "a known one" in arrived.became


@pytest.mark.parametrize("minutes", [-1, 60 * 24 * 8])
def test_a_silence_has_an_end_that_is_near(engine: sa.Engine, minutes: float) -> None:
    with pytest.raises(BadConfiguration):
        silenced(engine, "a=b", minutes)
    assert silences.standing(engine) == []


def test_one_that_cannot_be_read_mutes_nothing(engine: sa.Engine) -> None:
    with engine.begin() as tx:
        tx.execute(
            sa.text(
                "insert into silences (matchers, until, reason, person)"
                " values ('[', now() + interval '1 hour', '-', '-')"
            )
        )

    assert silences.about(engine, {"alertname": "Down"}) is None
