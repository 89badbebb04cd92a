"""``cct-ops audit streams``: how far the streams of audit events are, and sending some again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import Styled, columns, say, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from cct_ops.config.audit_streams import StreamPlace
    from cct_ops.ledger.record.streams import Progress

streams = App(name="streams", help="Audit events on their way to a SIEM (docs/siem.md).")

_TITLES = columns(
    "name", "kind", "where", "state", "waiting", next="next event", last_error="last error"
)


@streams.default
def listing(*, json: Json = False) -> int:
    """Show each stream of the policy, where it is, and what it waits for."""
    from cct_ops.config import policy
    from cct_ops.ledger.record import streams as rows
    from cct_ops.settings import Settings

    named = policy.read(Settings.load().policy_path).audit.streams
    known = {each.name: each for each in rows.progress(ledger(), retired=True)}
    lines = [_line(place, known.get(place.name)) for place in named]
    left = known.keys() - {place.name for place in named}
    lines += [_retired(known[name]) for name in sorted(left)]
    show(
        _TITLES,
        lines,
        as_json=json,
        empty="No stream is set up: name one under audit.streams in the policy (docs/siem.md).",
    )
    return 0


@streams.command
def resend(
    name: Annotated[str, Parameter(help="As `cct-ops audit streams` lists it.")],
    *,
    from_: Annotated[
        str,
        Parameter(
            name="--from",
            help="The index of a leaf, 30m, 12h, 7d, or a moment such as 2026-11-24T18:30.",
        ),
    ],
) -> int:
    """Send a stream's events from there on once more, those that were refused among them."""
    from cct_ops.ledger.record import streams as rows

    engine = ledger()
    position = _position(engine, from_)
    was = rows.send_again(engine, name, position)
    if was is None:
        raise BadConfiguration(_why_not(rows.progress(engine, retired=True), name, position))
    say(f"{name} goes back from event {was} to {position}; the controller sends on from there.")
    return 0


def _position(engine: sa.Engine, text: str) -> int:
    from cct_ops.commands import moments
    from cct_ops.ledger.record import log, log_selection

    if text.isascii() and text.isdecimal():
        if len(text) > 18:
            raise BadConfiguration(f"--from {text}: there is no such event")
        return int(text)
    with engine.connect() as connection:
        first = log_selection.first_since(connection, moments.past(text, option="--from"))
        return log.size(connection) if first is None else first


def _why_not(known: list[Progress], name: str, position: int) -> str:
    found = next((each for each in known if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in known) or "none"
        return f"there is no stream {name} in the ledger; there are: {names}"
    return (
        f"{name} has not come to event {position} yet: the next that it sends is {found.position},"
        " and none is skipped"
    )


def _line(place: StreamPlace, stream: Progress | None) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"name": place.name, "kind": place.kind, "where": place.where}
    if stream is None:
        return {**shown, **_of(None), "state": Styled("no controller has seen it yet", "yellow")}
    return {**shown, **_of(stream), "state": _state(place, stream)}


def _retired(stream: Progress) -> Mapping[str, Any]:
    shown = {"name": stream.name, "kind": None, "where": None}
    return {**shown, **_of(stream), "state": Styled("no longer in policy", "dim")}


def _of(stream: Progress | None) -> Mapping[str, Any]:
    return {
        "next": stream and stream.position,
        "waiting": stream and stream.behind_events,
        "behind_seconds": stream and round(stream.behind_seconds, 1),
        "refused": stream and stream.refused,
        "failures": stream and stream.failures,
        "sent_at": stream and stream.sent_at,
        "next_attempt_at": stream and stream.next_attempt_at,
        "last_error": stream and stream.last_error,
    }


def _state(place: StreamPlace, stream: Progress) -> Styled:
    from cct_ops.models.base import counted, duration

    refused = f", {counted(stream.refused, 'event')} refused" if stream.refused else ""
    if not stream.behind_events:
        return Styled(f"up to date{refused}", "yellow" if refused else "green")
    late = stream.behind_seconds > 60 * place.behind_minutes
    words = f"behind by {duration(stream.behind_seconds)}{refused}"
    return Styled(words, "bold red" if late else "yellow" if stream.last_error else "")
