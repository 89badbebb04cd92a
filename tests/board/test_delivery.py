"""One alert of a past delivery: what it would lead to now, and that it comes in again, once."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate import maintenance, switches
from cct_ops.ledger.intake import deliveries, outbox
from cct_ops.ledger.intake.deliveries import ADMITTED_BY, Incoming
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record.log_tables import log_queue
from cct_ops.models.alert import Alert
from cct_ops.models.maintenance import Declared
from cct_ops.models.role import Role
from cct_ops.record import account
from tests.board.conftest import Person, SignedIn
from tests.ledger.alerts import firing, resolved
from tests.ledger.leaves import leaves

LABELS = {"alertname": "CanaryRolledBack", "route": "/daily-summary"}
HOSTILE = "<script>alert(1)</script>\u202e"


def came(engine: sa.Engine, *alerts: Alert) -> UUID:
    """Let these come as one delivery, as if Alertmanager had been asked."""
    body = json.dumps([each.model_dump(mode="json") for each in alerts]).encode()
    incoming = Incoming("alertmanager", body, alerts, admitted_by=ADMITTED_BY)
    return deliveries.record_all(engine, [incoming])[0].delivery_id


def over(engine: sa.Engine) -> UUID:
    """Let an alert have come and ended; return the delivery that it came with."""
    alert = firing(datetime.now(UTC) - timedelta(hours=2), annotations={}, **LABELS)
    delivery = came(engine, alert)
    came(engine, resolved(alert, datetime.now(UTC) - timedelta(hours=1)))
    return delivery


def rows(engine: sa.Engine) -> tuple[int, ...]:
    """Count all that an alert could leave behind."""
    tables = (deliveries_table(), incidents, dispatches, log_queue)
    with engine.connect() as connection:
        counts = [sa.select(sa.func.count()).select_from(each) for each in tables]
        return tuple(connection.execute(each).scalar_one() for each in counts)


def deliveries_table() -> sa.Table:
    """Return the table of deliveries."""
    return incidents.metadata.tables["deliveries"]


def confirmed(person: Person, delivery: UUID, position: int = 0) -> dict[str, str]:
    """Return the fields of the form on the page that asks for confirmation."""
    shown = person.get(f"/inbox/{delivery}?again={position}").text
    fields = re.findall(r'name="(position|confirmed|once)" value="([^"]+)"', shown)
    return dict(fields)


def test_what_would_happen_now_is_said_and_nothing_is_left_behind(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    delivery = over(engine)
    person = signed_in(Role.VIEWER)
    before = rows(engine)

    shown = person.get(f"/inbox/{delivery}?now=0").text

    assert "It opens an incident and starts auto-rollback" in shown
    assert "of routes.yaml is the first that fits." in shown
    assert "target=/daily-summary" in shown
    assert rows(engine) == before
    assert "/again" not in shown.replace("?again", "")  # a viewer is offered no form


def test_what_stops_its_change_now_is_among_the_reasons(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    delivery, now = over(engine), datetime.now(UTC)
    switches.stop(engine, "a bad release", "ada")
    window = Declared(
        id=uuid4(),
        targets=("*",),
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        reason="the move",
        person="ada",
    )
    maintenance.declare(engine, window)

    shown = signed_in().get(f"/inbox/{delivery}?now=0").text

    assert "Kill switch: stopped by ada, a bad release." in shown
    assert "Maintenance: declared by ada, the move" in shown


def test_an_alert_is_run_again_by_name_after_a_confirmation_and_once(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    delivery = over(engine)
    person = signed_in(Role.RESPONDER)
    page = person.get(f"/inbox/{delivery}?again=0").text
    assert "No incident from it is open." in page
    form = confirmed(person, delivery)

    answer = person.send(f"/inbox/{delivery}/again", **form)

    incident = UUID(answer.headers["location"].removeprefix("/incidents/"))
    told = account.read(engine, incident)
    assert told is not None
    (alert,) = [each for each in told.entries if each.kind == "alert"]
    named = f"repeated by Anna Ito, signed in on the board from delivery {delivery}"
    assert alert.actor.proof == named
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None  # the first one's, whose incident is over
    admitted_by = [leaf.row["admitted_by"] for leaf in leaves(engine, "deliveries")]
    assert admitted_by.count(named) == 1
    before = rows(engine)
    again = person.send(f"/inbox/{delivery}/again", **form)
    assert (again.status_code, "was done already" in again.text) == (409, True)
    fresh = person.send(f"/inbox/{delivery}/again", **(form | {"once": str(uuid4())}))
    assert (fresh.status_code, f"incident {incident} from it is open" in fresh.text) == (409, True)
    assert rows(engine) == before
    page = person.get(f"/inbox/{delivery}?again=0").text
    assert "is open</b>, so it would count as seen again" in page
    assert 'name="confirmed"' not in page
    assert named in person.get("/inbox").text


def test_a_repeated_alert_is_a_delivery_that_can_be_repeated_again(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """Its body is ours, and is read like one that was found by asking."""
    delivery = over(engine)
    person = signed_in(Role.RESPONDER)
    person.send(f"/inbox/{delivery}/again", **confirmed(person, delivery))
    with engine.connect() as connection:
        newest = sa.select(deliveries_table().c.id).order_by(deliveries_table().c.received_at)
        last = connection.execute(newest).scalars().all()[-1]

    shown = person.get(f"/inbox/{last}?now=0").text

    assert "CanaryRolledBack" in shown
    assert "from it is open, so it would count as seen again." in shown


def test_what_makes_no_sense_does_nothing(signed_in: SignedIn, engine: sa.Engine) -> None:
    delivery = over(engine)
    person = signed_in()
    right = confirmed(person, delivery)
    unread = [Incoming("alertmanager", b"{}", None, "version: is missing", admitted_by="k")]
    other = deliveries.record_all(engine, unread)[0].delivery_id
    before = rows(engine)
    for wrong in ({"position": "7"}, {"position": "-1"}, {"position": "٣"}, {"confirmed": ""}):
        assert person.send(f"/inbox/{delivery}/again", **(right | wrong)).status_code == 409
    assert person.send(f"/inbox/{uuid4()}/again", **right).status_code == 404
    assert person.send(f"/inbox/{other}/again", **right).status_code == 409
    assert "cannot be repeated" in person.get(f"/inbox/{other}").text
    for query in ("now=7", "again=-1", "now=x", "again=%00", "now=٣"):
        assert person.get(f"/inbox/{delivery}?{query}").status_code == 200
    assert person.get(f"/inbox/{uuid4()}").status_code == 404
    assert rows(engine) == before


def test_what_a_sender_wrote_is_text_on_the_page(signed_in: SignedIn, engine: sa.Engine) -> None:
    delivery = came(engine, firing(alertname=HOSTILE, route=HOSTILE))

    shown = signed_in().get(f"/inbox/{delivery}?now=0").text

    assert "<script>alert" not in shown
    assert "\u202e" not in shown
