"""A running gateway gives signs of life, and tells of a dispatcher that gives none."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger import heartbeats
from cct_ops.ledger.heartbeat_tables import heartbeats as table
from cct_ops.sandbox.control import SandboxControl
from cct_ops.watch import DISPATCHER, GATEWAY
from tests.gateway.running import running
from tests.stack.polling import eventually


def test_a_gateway_tells_of_a_silent_dispatcher(
    ledger_url: SecretStr, engine: sa.Engine, sandbox: SandboxControl, tmp_path: Path
) -> None:
    """
    Once it has listened for a minute itself, and it has given its own sign of life by then.

    Since nobody else can, it also pages who can be reached without Prefect.
    """
    heartbeats.beat(engine, DISPATCHER)
    with engine.begin() as tx:
        tx.execute(sa.update(table).values(last_at=sa.text("clock_timestamp() - interval '2 min'")))

    webhook = f"{sandbox.base_url}/slack/incidents"
    addresses = {
        "SLACK_WEBHOOK_URL": webhook,
        "CCT_OPS_WEBHOOK_ON_CALL": "",
        "CCT_OPS_WEBHOOK_LEAD": f"{sandbox.base_url}/slack/lead",
    }
    with running(ledger_url.get_secret_value(), tmp_path / "log", **addresses):
        eventually(lambda: len(sandbox.slack_messages()) == 2, seconds=180)

    message, page = sandbox.slack_messages()
    assert page.path == "/slack/lead"
    assert "To start it: cct-ops start dispatcher" in page.body["text"]
    assert message.body["text"] == ":rotating_light: The dispatcher of cct-ops is silent"
    with engine.connect() as connection:
        assert GATEWAY in connection.scalars(sa.select(table.c.part)).all()
