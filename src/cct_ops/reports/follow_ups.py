"""A follow-up as an issue on GitHub."""

from __future__ import annotations

from uuid import UUID

from cct_ops.clients.text import one_line
from cct_ops.models.follow_up import FollowUp
from cct_ops.reports.render import escape

_TITLE_CHARACTERS = 200


def mark(follow_up_id: UUID) -> str:
    """Return what an issue of ours is known by, which nobody sees."""
    return f"<!-- cct-ops follow-up {follow_up_id} -->"


def issue(follow_up: FollowUp) -> tuple[str, str]:
    """Return the title and the body of its issue; a name in it notifies nobody."""
    # Who reads it there is on none of our machines, so the command is as everybody knows it.
    ends = f"It is done when this issue is closed, or by `cct-ops follow-ups done {follow_up.id}`."
    lines = [
        _unnotified(escape(follow_up.text)),
        "",
        f"- Owner: {_unnotified(escape(follow_up.owner))}",
        f"- Due: {follow_up.due}",
        f"- Of: `cct-ops review {follow_up.topic_id}`",
        "",
        f"{ends} Closed as not planned it is dropped.",
        "",
        mark(follow_up.id),
    ]
    return _unnotified(one_line(follow_up.text, _TITLE_CHARACTERS)), "\n".join(lines)


def _unnotified(text: str) -> str:
    """Let no ``@name`` in text of others be a mention."""
    return text.replace("@", "@\N{ZERO WIDTH SPACE}")
