"""A ledger that was set back, and a Prefect that remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.schema import metadata
from tests.controller.running import Playbook, dispatching, routes_to, state
from tests.ledger.alerts import firing
from tests.stack.polling import eventually

NOW = datetime.now(UTC)


def arrive(engine: sa.Engine, began: datetime) -> None:
    """Let the alert come in, have its run, and see it through."""
    alert = firing(began, alertname="CanaryRolledBack", route="/daily-summary")
    (incident,) = deliveries.record(engine, "alertmanager", uuid4().bytes, [alert]).incidents
    eventually(lambda: state(engine, incident) == "sent", seconds=60)


def forget(engine: sa.Engine) -> None:
    """Set the ledger back to when it was empty."""
    with engine.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(sa.text(f"truncate {names} cascade"))


def test_what_comes_again_after_a_restore_finds_its_run(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """The same episode has the same name and the same run; another one has its own."""
    playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        arrive(engine, NOW)
        forget(engine)
        arrive(engine, NOW)
        assert len(playbook.runs()) == 1
        forget(engine)
        arrive(engine, NOW + timedelta(seconds=1))
    assert len(playbook.runs()) == 2
