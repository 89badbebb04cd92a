"""What people ask the ledger about, which keeps everything: no question may read all of it."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries, inbox
from tests.ledger.alerts import firing

_MANY = sa.text("""
    with delivered as (
        insert into deliveries (source, body_sha256, body, status)
        values ('alertmanager', 'digest', '', 'accepted') returning id)
    insert into alerts (delivery_id, status, labels, annotations, starts_at, verdict)
    select id, 'firing', jsonb_build_object('alertname', 'Alert' || number % 100), '{}', now(),
        'seen'
    from delivered, generate_series(1, 3000) as number
""")


def test_the_newest_alerts_of_a_name_are_found_by_an_index(engine: sa.Engine) -> None:
    with engine.begin() as tx:
        tx.execute(_MANY)
        tx.execute(sa.text("analyze alerts"))
    asked: list[tuple[str, Any]] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        asked.append((statement, given))

    assert len(inbox.about(engine, "Alert7")) == 30
    statement, given = asked[-1]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"explain {statement}", given).scalars().all()

    assert "ix_alerts_alertname" in "\n".join(plan)


def test_a_name_of_any_length_is_stored_and_found(engine: sa.Engine) -> None:
    """An index that held all of it would refuse the alert, and all that came at the same moment."""
    names = [secrets.token_hex(length) for length in (100, 2_000, 200_000)]
    names += [names[-1][:200] + "another"]
    received = [firing(alertname=name, annotations={"summary": name}) for name in names]
    deliveries.record(engine, "alertmanager", b"long", received)

    for name in names:
        (found,) = inbox.about(engine, name)
        assert found.alertname == name
