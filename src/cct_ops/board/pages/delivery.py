"""A delivery: what was in it, what became of it, what it would do now; and to let it come again."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from cct_ops.board.page import Action, Asked, Board, Done, Form, NoSuchPage, Page, Visitor
from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.intake import inbox as arrivals, replay
from cct_ops.ledger.intake.inbox import Arrived
from cct_ops.ledger.intake.replay import Past
from cct_ops.models.alert import Alert
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

SHOWN = 100
LONGEST_SECONDS = 3


class Signal(Frozen):
    """One alert of it that fires, and what it would lead to, where that was asked."""

    position: int
    name: str
    labels: dict[str, str]
    open_incident: UUID | None
    words: str = ""
    reasons: tuple[str, ...] = ()


class Delivery(Frozen):
    """One delivery; ``chosen`` is the alert that may come again once somebody confirms it."""

    id: UUID
    source: str
    status: str
    received_at: datetime
    admitted_by: str | None
    arrived: tuple[Arrived, ...]
    signals: tuple[Signal, ...]
    unread: str = ""
    chosen: Signal | None = None


def read(board: Board, asked: Asked) -> Delivery:
    """Read it, with what its alerts would lead to where the address asks for that."""
    from cct_ops.gateway.senders import repeat  # it brings the readers of all senders

    past = replay.one(board.engine, asked.place("delivery_id"))
    if past is None:
        raise NoSuchPage
    sources = yaml_files.load(board.settings.sources_path, Sources).sources
    unread, alerts = "", tuple[Alert, ...]()
    try:
        alerts = repeat.firing(past, sources)[:SHOWN]
    except BadConfiguration as error:
        unread = str(error)
    signals = tuple(
        Signal(
            position=position,
            name=each.labels.get("alertname", "an alert without a name"),
            labels=each.labels,
            open_incident=replay.open_incident(board.engine, past.source, each.key),
        )
        for position, each in enumerate(alerts)
    )
    wanted = asked.filter("now") or asked.filter("again") or ""
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(alerts):
        at = int(wanted)
        foreseen = _foreseen(board, signals[at], past, alerts[at])
        signals = (*signals[:at], foreseen, *signals[at + 1 :])
    again = asked.filter("again")
    return Delivery(
        id=past.id,
        source=past.source,
        status=past.status,
        received_at=past.received_at,
        admitted_by=past.admitted_by,
        arrived=tuple(arrivals.about(board.engine, str(past.id)))[:SHOWN],
        signals=signals,
        unread=unread,
        chosen=next((each for each in signals if str(each.position) == again), None),
    )


def _foreseen(board: Board, signal: Signal, past: Past, alert: Alert) -> Signal:
    """Say what the alert would lead to now; nothing is started."""
    # They bring routes, the gate and a client of HTTP.
    from cct_ops.clients import alertmanager
    from cct_ops.replay import single
    from cct_ops.replay.rules import RuleFiles, read_rules

    given = board.settings
    rules = read_rules(RuleFiles(given.sources_path, given.routes_path, given.policy_path))
    url, seconds = given.alertmanager_url, min(given.request_timeout_seconds, LONGEST_SECONDS)
    silences = partial(alertmanager.silences, str(url), seconds) if url else tuple
    found = single.foresee(board.engine, rules, past, alert, silences)
    return signal.model_copy(update={"words": found.words, "reasons": found.reasons})


def run_again(board: Board, visitor: Visitor, form: Form) -> Done:
    """Let one alert come in once more, as a delivery that names the person and the original."""
    from cct_ops.gateway.senders import repeat

    delivery_id = form.id("delivery_id")
    past = replay.one(board.engine, delivery_id)
    if past is None:
        raise NoSuchPage
    position = form.optional("position")
    if not (position.isascii() and position.isdigit() and len(position) < 6):
        raise BadConfiguration("Nothing was done: choose which alert is to come again.")
    if form.optional("confirmed") != "yes":
        raise NotPermitted("Nothing was done: confirm on the page of the alert.")
    sources = yaml_files.load(board.settings.sources_path, Sources).sources
    receipt = repeat.repeat(
        board.engine, past, sources, int(position), by=visitor.signature, once=form.once
    )
    (incident,) = receipt.incidents
    words = f"It came in again, as delivery {receipt.delivery_id}, and opened this incident."
    return Done(words, f"/incidents/{incident}")


PAGE = Page(
    "delivery",
    "Delivery",
    "/inbox/{delivery_id}",
    read,
    in_menu=False,
    has_news=False,
    actions=(Action("/inbox/{delivery_id}/again", Role.RESPONDER, run_again),),
)
