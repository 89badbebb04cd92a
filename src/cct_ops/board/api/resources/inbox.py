"""The inbox: what came in, what became of it and why, and reading again what nobody could read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Name, Operation, PartOf, action, cursor, place
from cct_ops.board.api.problem import misfit
from cct_ops.board.pages import delivery, inbox as page
from cct_ops.ledger.intake import inbox
from cct_ops.ledger.intake.inbox import Arrived, Place
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

TAG = "inbox"


class Asked(PartOf):
    """Which arrivals."""

    show: Literal["waiting"] | None = Field(None, description="What waits for somebody alone.")
    about: Name | None = Field(
        None, description="An alert by its name, or the id of an incident, a delivery or a run."
    )


class Arrival(Frozen):
    """One alert of one delivery, or a delivery without alerts, and how far it got."""

    delivery_id: UUID
    received_at: datetime
    source: str
    status: str = Field(description="accepted, ignored, partial or quarantined")
    copies: int
    alertname: str | None
    verdict: str | None
    became: str = Field(description="What became of it and why, in words.")
    waits: bool = Field(description="True if somebody still has to do something about it.")
    incident_id: UUID | None
    playbook: str | None
    run_id: UUID | None


class Arrivals(Frozen):
    """A part of the list, the newest first."""

    items: tuple[Arrival, ...]
    next: str | None = Field(description="The cursor of the next part; null at the end.")
    backlog: dict[str, int] = Field(description="How much of what is not finished.")


class Again(Frozen):
    """Which alert of the delivery."""

    position: int = Field(ge=0, lt=100, description="Its place among those that fire, from 0.")


def listed(call: Call) -> Arrivals:
    """List them; about one thing there are 200 at most, in one part."""
    asked: Asked = call.query
    engine, after = call.board.engine, None
    if asked.about is not None:
        if asked.cursor is not None:
            words = "A list about one thing has one part: leave it out"
            raise misfit(words, "query.cursor")
        found = list(inbox.about(engine, asked.about))[::-1]
    else:
        behind = place(asked.cursor, Place)
        some = inbox.page(engine, asked.limit + 1, after=behind, unfinished=asked.show is not None)
        after = cursor(*some[asked.limit - 1][0]) if len(some) > asked.limit else None
        found = [each for _, each in some[: asked.limit]]
    shown = [each for each in found if each.waits or asked.show is None]
    return Arrivals(
        items=tuple(map(_arrival, shown)), next=after, backlog=dict(inbox.count_backlog(engine))
    )


def _arrival(each: Arrived) -> Arrival:
    return Arrival(
        delivery_id=each.delivery_id,
        received_at=each.received_at,
        source=each.source,
        status=each.status,
        copies=each.copies,
        alertname=each.alertname,
        verdict=each.verdict,
        became=each.became,
        waits=each.waits,
        incident_id=each.incident_id,
        playbook=each.playbook,
        run_id=each.flow_run_id,
    )


def reprocess(call: Call) -> Done:
    """Read a delivery again."""
    form = action(page.PAGE, "/inbox/{delivery_id}/reprocess")
    about = f"/inbox?about={call.id('delivery_id')}"
    return Done(done=call.act(form), page=call.page(about))


def run_again(call: Call) -> Done:
    """Let one alert of a delivery come in once more."""
    wanted: Again = call.body
    form = action(delivery.PAGE, "/inbox/{delivery_id}/again")
    # Whoever sends this has confirmed it: a person does so on a page of its own.
    fields = {"position": str(wanted.position), "confirmed": "yes", "once": call.once}
    about = f"/inbox/{call.id('delivery_id')}"
    return Done(done=call.act(form, fields), page=call.page(about))


OPERATIONS = (
    Operation(
        "get",
        "/inbox",
        "listInbox",
        TAG,
        "What came in, what became of it and why",
        listed,
        Arrivals,
        query=Asked,
    ),
    Operation(
        "post",
        "/inbox/{delivery_id}/reprocess",
        "reprocessDelivery",
        TAG,
        "Read a delivery that nobody could read again, by today's sources",
        reprocess,
        Done,
        needs=Role.RESPONDER,
        more="409 if it is understood already, or still cannot be read.",
    ),
    Operation(
        "post",
        "/inbox/{delivery_id}/again",
        "repeatAlert",
        TAG,
        "Let one alert of a past delivery come in once more",
        run_again,
        Done,
        needs=Role.RESPONDER,
        body=Again,
        more="Its page says before what it would lead to. 409 where it cannot come again.",
    ),
)
