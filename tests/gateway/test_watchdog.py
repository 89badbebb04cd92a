"""A running gateway gives signs of life, and reports a controller that gives none."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.people import heartbeats
from cct_ops.ledger.people.tables import heartbeats as table
from cct_ops.people.watchdog import CONTROLLER, GATEWAY
from cct_ops.sandbox.control import SandboxControl
from tests.gateway.running import running
from tests.stack.polling import eventually


def test_a_gateway_reports_a_silent_controller(
    ledger_url: SecretStr, engine: sa.Engine, sandbox: SandboxControl, tmp_path: Path
) -> None:
    """
    Of one that was heard since it listens, after a minute, and by its own sign of life before that.

    Since nobody else can, it also pages who can be reached without Prefect.
    """
    webhook = f"{sandbox.base_url}/slack/incidents"
    addresses = {
        "SLACK_WEBHOOK_URL": webhook,
        "CCT_OPS_WEBHOOK_ON_CALL": "",
        "CCT_OPS_WEBHOOK_LEAD": f"{sandbox.base_url}/slack/lead",
    }

    def listens() -> bool:
        with engine.connect() as connection:
            return GATEWAY in connection.scalars(sa.select(table.c.part)).all()

    with running(ledger_url.get_secret_value(), tmp_path / "log", **addresses):
        eventually(listens, seconds=60)
        heartbeats.beat(engine, CONTROLLER)
        eventually(lambda: len(sandbox.slack_messages()) == 2, seconds=180)

    message, page = sandbox.slack_messages()
    assert page.path == "/slack/lead"
    assert "To start it: cct-ops start controller" in page.body["text"]
    assert message.body["text"] == ":rotating_light: The controller of cct-ops is silent"
