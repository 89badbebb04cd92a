"""A sender that is not understood any more: people are notified, once an hour and per source."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.controller.unhandled import report_deliveries
from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.intake.tables import deliveries
from cct_ops.ledger.people.tables import pages
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault


def not_understood(engine: sa.Engine, source: str, *bodies: bytes) -> None:
    """Let these come in from the source."""
    intake.record_all(engine, [Incoming(source, body, None, "no <list> in it") for body in bodies])


def look(engine: sa.Engine, sandbox: SandboxControl) -> list[str]:
    """Sweep twice, and return all notices that people ever got."""
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    for _ in range(2):
        report_deliveries(engine, notifier)
    return [str(message.body) for message in sandbox.slack_messages()]


def paged(engine: sa.Engine) -> list[str]:
    """The subjects of all pages."""
    with engine.connect() as connection:
        return list(connection.execute(sa.select(pages.c.subject)).scalars())


def an_hour_passes(engine: sa.Engine) -> None:
    """Move all notices an hour back, and what came in to before that."""
    with engine.begin() as tx:
        for table, column in ((pages, "raised_at"), (deliveries, "received_at")):
            earlier = table.c[column] - sa.text("interval '61 minutes'")
            tx.execute(sa.update(table).values({column: earlier}))


def test_each_source_is_reported_once_an_hour_with_what_mends_it(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    not_understood(engine, "alertmanager", b"1", b"2")
    not_understood(engine, "grafana", b"3")

    first, second = look(engine, sandbox)
    assert "2 deliveries of alertmanager could not be understood" in first
    assert "no &lt;list&gt; in it" in first
    assert "cct-ops reprocess " in first
    assert "A delivery of grafana could not be understood" in second
    assert len(paged(engine)) == 2

    not_understood(engine, "alertmanager", b"4")
    assert len(look(engine, sandbox)) == 2, "the hour is not over"
    an_hour_passes(engine)
    with engine.begin() as tx:  # the one that came after people were notified
        tx.execute(
            sa.update(deliveries)
            .where(deliveries.c.body == b"4")
            .values(received_at=sa.func.clock_timestamp())
        )
    notices = look(engine, sandbox)
    assert len(notices) == 3
    assert "A delivery of alertmanager" in notices[-1]


def test_what_is_understood_is_no_news(engine: sa.Engine, sandbox: SandboxControl) -> None:
    intake.record(engine, "alertmanager", b"{}", [])

    assert look(engine, sandbox) == []


def test_what_slack_did_not_take_is_sent_again(engine: sa.Engine, sandbox: SandboxControl) -> None:
    sandbox.faults(Fault(path="/slack/", count=1, error_status=503))
    not_understood(engine, "alertmanager", b"1")
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))

    report_deliveries(engine, notifier)
    assert paged(engine) == []
    assert len(look(engine, sandbox)) == 1
