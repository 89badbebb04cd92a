"""Several incidents acknowledged at once, and deliveries that are read again."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.people import acknowledgements
from cct_ops.models.role import Role
from tests.board.conftest import SignedIn
from tests.conftest import ROOT
from tests.ledger.alerts import opened


def test_several_incidents_are_acknowledged_at_once(signed_in: SignedIn, engine: sa.Engine) -> None:
    """Those that are marked, and no other; what somebody has already or is none is left."""
    first, second, third = opened(engine), opened(engine), opened(engine)
    person = signed_in(Role.RESPONDER)
    person.send(f"/incidents/{first}/acknowledge")
    marks = {f"mark.{each}": "on" for each in (first, second)}

    answer = person.send("/incidents/acknowledge", back="/incidents", **marks)

    assert answer.headers["location"] == "/incidents"
    shown = person.get("/incidents").text
    assert "You have 1 incident more: nobody is paged about them any more." in shown
    assert f'name="mark.{third}"' in shown
    assert set(acknowledgements.holders(engine, [first, second, third])) == {first, second}
    assert "mark the incidents" in person.send("/incidents/acknowledge").text
    assert person.send("/incidents/acknowledge", **{"mark.x": "on"}).status_code == 404


def test_a_delivery_that_nobody_could_read_is_read_again(
    signed_in: SignedIn, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the sources of today; by whom stands in the inbox."""
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(ROOT / "deployments" / "sources.yaml"))
    unread = [Incoming("alertmanager", b"{}", None, "version: is missing", admitted_by="k")]
    deliveries.record_all(engine, unread)
    person = signed_in(Role.RESPONDER)
    found = re.search(r'action="(/inbox/[^"]+/reprocess)"', person.get("/inbox").text)
    assert found is not None

    still = person.send(found[1])

    assert still.status_code == 409
    assert "it is still not understood" in still.text
    assert "/reprocess" not in signed_in(Role.VIEWER).get("/inbox").text
    assert person.send(f"/inbox/{uuid4()}/reprocess").status_code == 409
