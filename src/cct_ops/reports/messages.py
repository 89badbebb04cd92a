"""What Slack is told: a text for notifications, and blocks."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from cct_ops.clients.slack import escape
from cct_ops.models.autonomy import Drop
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.outcome import Outcome
from cct_ops.models.run import Run

Message = tuple[str, list[dict[str, Any]]]

MOST_OWNERS = 20

_SIGNS = {Outcome.RESOLVED: ":white_check_mark:", Outcome.UNDONE: ":leftwards_arrow_with_hook:"}


def outcome_message(
    run: Run, target: str, outcome: Outcome, reason: str, link: str | None
) -> Message:
    """Say how a run ended."""
    sign = _SIGNS.get(outcome, ":rotating_light:" if outcome.needs_attention else ":memo:")
    head = f"{sign} {outcome}: {run.playbook} on {target}"
    return _message(head, escape(reason), link)


def raise_message(run: Run, target: str, reason: str, proposal: str, link: str | None) -> Message:
    """Say that a playbook has earned more, and what a person could merge to give it."""
    head = f":chart_with_upwards_trend: {run.playbook} has earned more on targets like {target}"
    return _message(head, f"{escape(reason)}. To raise it, merge:\n{_yaml(proposal)}", link)


def drop_message(run: Run, drop: Drop, link: str | None) -> Message:
    """Say that a playbook may do less from now on, why, and what would raise it again."""
    head = (
        f":chart_with_downwards_trend: {run.playbook} may do less on targets like {drop.target}:"
        f" {drop.after} instead of {drop.before}"
    )
    body = (
        f"{escape(drop.reason)}.\nAfter {drop.verified_fixes} verified fixes without a bad one a"
        f" raise is proposed. Whoever has found the cause can raise it at once: merge\n"
        f"{_yaml(drop.restored_by)}"
    )
    return _message(head, body, link)


def _yaml(text: str) -> str:
    """Escape line by line: escaping leaves one without its indentation, which YAML needs."""
    lines = [line[: len(line) - len(line.lstrip())] + escape(line) for line in text.splitlines()]
    return "```" + "\n".join(lines) + "```"


def expired_message(overdue: tuple[Exemption, ...], link: str | None, *, done: bool) -> Message:
    """Say whose exemptions expired, with their JIRA references, owner by owner."""
    of_owner: dict[str, list[str]] = defaultdict(list)
    for each in overdue:
        of_owner[each.owner].append(each.jira_reference)
    lines = [
        f"• {escape(owner)}: {escape(', '.join(references))}"
        for owner, references in sorted(of_owner.items())[:MOST_OWNERS]
    ]
    if len(of_owner) > MOST_OWNERS:
        lines.append(f"• and {len(of_owner) - MOST_OWNERS} more owners")
    head = f":broom: {len(overdue)} exemptions {'expired' if done else 'are past their date'}"
    return _message(head, "\n".join(lines), link)


def silence_message(part: str, last_at: datetime, *, silent: bool) -> Message:
    """Say that a part of ours is silent, with what a person does then; or that it is back."""
    if not silent:
        return _message(f":white_check_mark: The {part} of cct-ops is heard again", "", None)
    body = (
        f"Its last sign of life was at {last_at:%Y-%m-%d %H:%M:%S %Z}. Where no supervisor starts"
        f" it anew, a person does:\n```python -m cct_ops.{part}```"
    )
    return _message(f":rotating_light: The {part} of cct-ops is silent", body, None)


def _message(head: str, body: str, link: str | None) -> Message:
    text = escape(head)
    more = f"\n<{link}|The run in Prefect>" if link else ""
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*\n{body}{more}"[:3000]}}
    ]
    return text, blocks
