"""Old bodies are deleted; what was made of them stays, and a body that nobody understood stays."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from cct_ops.gateway.senders.reparse import incoming
from cct_ops.ledger.intake import deliveries as intake, replay, retention
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from cct_ops.models.alert import Alert, AlertStatus

SOURCE = "alertmanager"
FIRES = Alert(
    status=AlertStatus.FIRING,
    labels={"alertname": "SLOBreach"},
    annotations={},
    starts_at=datetime(2026, 3, 2, tzinfo=UTC),
    ends_at=None,
)


def came(engine: sa.Engine, body: bytes, days_ago: float, *, understood: bool = True) -> None:
    """Let a delivery have come that long ago."""
    intake.record(engine, SOURCE, body, [FIRES] if understood else None, "no shape of ours")
    with engine.begin() as tx:
        tx.execute(
            sa.update(deliveries)
            .where(deliveries.c.body_sha256 == hashlib.sha256(body).hexdigest())
            .values(received_at=deliveries.c.received_at - timedelta(days=days_ago))
        )


def bodies(engine: sa.Engine) -> list[bytes | None]:
    """All bodies that are there, or are missing."""
    with engine.connect() as connection:
        asked = sa.select(deliveries.c.body).order_by(deliveries.c.received_at)
        return list(connection.execute(asked).scalars())


def test_the_old_ones_go_and_what_was_made_of_them_stays(engine: sa.Engine) -> None:
    came(engine, b"old", 91)
    came(engine, b"young", 89)
    came(engine, b"unread", 91, understood=False)

    assert retention.delete_old_bodies(engine, keep_days=90) == 1
    assert set(bodies(engine)) == {None, b"young", b"unread"}
    assert retention.delete_old_bodies(engine, keep_days=90) == 0
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(alerts)).scalar() == 2
        assert connection.execute(sa.select(sa.func.count()).select_from(incidents)).scalar() == 1


def test_all_of_many_go(engine: sa.Engine) -> None:
    many = [
        intake.Incoming(SOURCE, b"%d" % number, (), None) for number in range(retention.AT_ONCE + 1)
    ]
    intake.record_all(engine, many)
    with engine.begin() as tx:
        tx.execute(
            sa.update(deliveries).values(received_at=deliveries.c.received_at - timedelta(days=2))
        )

    assert retention.delete_old_bodies(engine, keep_days=1) == len(many)


def test_what_comes_again_is_known_without_its_body(engine: sa.Engine) -> None:
    """A sender's repetition of what is long gone is a copy, and opens nothing."""
    came(engine, b"old", 91)
    retention.delete_old_bodies(engine, keep_days=90)

    intake.record(engine, SOURCE, b"old", [FIRES])

    with engine.connect() as connection:
        assert connection.execute(sa.select(deliveries.c.copies)).scalars().all() == [2]
        assert connection.execute(sa.select(sa.func.count()).select_from(incidents)).scalar() == 1


def test_who_wants_to_read_it_is_told_why_it_is_gone(engine: sa.Engine) -> None:
    came(engine, b"old", 91)
    retention.delete_old_bodies(engine, keep_days=90)
    with engine.connect() as connection:
        past = replay.one(engine, connection.execute(sa.select(deliveries.c.id)).scalar_one())

    assert past is not None
    assert "CCT_OPS_KEEP_BODIES_DAYS" in str(incoming(past, {}).note)
