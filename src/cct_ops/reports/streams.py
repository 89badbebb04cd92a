"""Messages about the streams of audit events: one is behind, goes on, or was refused something."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.ledger.record.streams import Progress, Refusal
from cct_ops.models.base import counted, duration
from cct_ops.reports.messages import Message, notice
from cct_ops.typed import typed

_MOST = 5


def behind_message(stream: Progress, where: str) -> Message:
    """Say that a stream is behind, since when, and why if that is known."""
    why = f" The last attempt: {stream.last_error}." if stream.last_error else ""
    text = (
        f":rotating_light: The audit stream {stream.name} is behind by"
        f" {duration(stream.behind_seconds)}, with {counted(stream.behind_events, 'event')} for"
        f" {where}.{why} Nothing is lost, and nothing is skipped: it goes on where it stopped as"
        " soon as they are taken."
    )
    return notice(text, (typed("audit", "streams"),))


def caught_up_message(stream: Progress) -> Message:
    """Say that a stream is no longer behind."""
    return notice(f":white_check_mark: The audit stream {stream.name} is no longer behind.", ())


def refused_message(refused: Sequence[Refusal]) -> Message:
    """Say which events a receiver would never take, and how they are sent again."""
    lines = [
        f"• {each.stream}, event {each.position}: {each.reason[:200]}" for each in refused[:_MOST]
    ]
    if len(refused) > _MOST:
        lines.append(f"• and {len(refused) - _MOST} more")
    first = refused[0]
    text = (
        f":rotating_light: {counted(len(refused), 'audit event')} refused for good. A notice was"
        " taken in the place of each, and the stream goes on:\n" + "\n".join(lines) + "\nOnce the"
        " receiver takes such events, send them again:"
    )
    again = typed("audit", "streams", "resend", first.stream, "--from", str(first.position))
    return notice(text, (again,))
