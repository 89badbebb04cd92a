"""``cct-ops repeat``: what one alert would lead to now, and that it comes in again."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.intake import inbox
from tests.board.test_delivery import over

pytestmark = pytest.mark.usefixtures("on_ledger")


def test_it_says_what_would_happen_and_does_it_when_it_is_told(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = str(over(engine))

    app(["repeat", delivery, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["alert"]["alertname"] == "CanaryRolledBack"
    assert said["words"].startswith("It opens an incident and starts auto-rollback")
    assert len(inbox.newest(engine, 9)) == 2
    app(["repeat", delivery, "--yes"])
    assert "It came in again, as delivery" in capsys.readouterr().out
    newest = inbox.newest(engine, 9)[0]
    assert newest.admitted_by is not None
    assert newest.admitted_by.endswith(f" from delivery {delivery}")
    with pytest.raises(NotPermitted, match="is open, so it would start nothing"):
        app(["repeat", delivery, "--yes"])
    app(["repeat", delivery])
    assert "so it would count as seen again" in capsys.readouterr().out


def test_an_alert_that_is_not_there_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(BadConfiguration, match="has 1 alert firing, counted from 0"):
        app(["repeat", str(over(engine)), "--alert", "1"])
