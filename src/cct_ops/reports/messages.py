"""Messages for Slack: a text for notifications, and blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cct_ops.actions.exemptions import ExpireExemptions
from cct_ops.clients.slack_text import SECTION_CHARACTERS, escape, fitted
from cct_ops.ledger.set_aside import SetAside
from cct_ops.models.autonomy import Demotion
from cct_ops.models.base import counted
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.models.follow_up import FollowUp
from cct_ops.models.run import Outcome, Run
from cct_ops.models.topic import AT_WORK, WAITS, Held, Topic, playbook_on
from cct_ops.reports.links import incident_page
from cct_ops.reports.manual import shown
from cct_ops.typed import typed

Message = tuple[str, list[dict[str, Any]]]

MOST_OWNERS = 20
MOST_ASIDE = 10
MOST_REMINDED = 15
MOST_COMMANDS = 5

ACKNOWLEDGE = "incident_acknowledge"
TAKE_OVER = "incident_take_over"

_SIGNS: dict[str, str] = {
    Outcome.RESOLVED: ":white_check_mark:",
    Outcome.PASSED: ":white_check_mark:",
    Outcome.UNDONE: ":leftwards_arrow_with_hook:",
    WAITS: ":raised_hand:",
    AT_WORK: ":gear:",
}


def head_message(topic: Topic) -> Message:
    """Head a thread: what it is about, how grave it is, where it stands, and who has it."""
    sign = _SIGNS.get(topic.state, ":rotating_light:" if topic.needs_person else ":memo:")
    grave = f" ({topic.severity})" if topic.severity else ""
    text, blocks = _message(f"{sign} {topic.state}: {topic.title}{grave}", "", None)
    return text, [*blocks, *(_holding(topic.id, topic.held) if topic.held else ())]


def _holding(incident_id: UUID, held: Held) -> Iterator[dict[str, Any]]:
    """Say who has an incident, with a button for whoever takes it on as long as it is open."""
    if held.person is not None and held.at is not None:
        at = int(held.at.timestamp())
        when = f"<!date^{at}^{{time_secs}}|{held.at:%H:%M:%S} UTC>"
        words = f"Acknowledged by {escape(held.person)} at {when}"
        yield {"type": "context", "elements": [{"type": "mrkdwn", "text": words}]}
    if held.open:
        yield {"type": "actions", "elements": [_take_on(incident_id, held)]}


def _take_on(incident_id: UUID, held: Held) -> dict[str, Any]:
    """Return the button; it carries who has it as it is shown, for that may change meanwhile."""
    button = {"type": "button", "action_id": ACKNOWLEDGE, "value": str(incident_id)}
    if held.person is None:
        return {**button, "text": _plain_text("Acknowledge"), "style": "primary"}
    value = f"{incident_id}/{held.number}"
    return {**button, "action_id": TAKE_OVER, "value": value, "text": _plain_text("Take over")}


def _plain_text(word: str) -> dict[str, str]:
    return {"type": "plain_text", "text": word}


def outcome_message(
    run: Run,
    target: str,
    outcome: Outcome,
    reason: str,
    link: str | None,
    commands: Sequence[str] = (),
) -> Message:
    """Say how a run ended, and what a person types where something is left to be done."""
    sign = _SIGNS.get(outcome, ":rotating_light:" if outcome.needs_attention else ":memo:")
    head = f"{sign} {outcome}: {playbook_on(run.playbook, target)}"
    board = incident_page(run.incident_id or run.id)
    return _message(head, escape(reason), link, commands, board=board)


def raise_message(run: Run, target: str, reason: str, proposal: str, link: str | None) -> Message:
    """Say that a playbook has earned more, and what a person could merge to give it."""
    head = f":chart_with_upwards_trend: {run.playbook} has earned more on targets like {target}"
    body = f"{escape(reason)}. To raise it, merge:\n{_yaml(proposal)}"
    return _message(head, body, link, [typed("autonomy")])


def demotion_message(run: Run, demotion: Demotion, link: str | None) -> Message:
    """Say that a playbook may do less from now on, why, and what would raise it again."""
    head = (
        f":chart_with_downwards_trend: {run.playbook} may do less on targets like"
        f" {demotion.target}: {demotion.after} instead of {demotion.before}"
    )
    body = (
        f"{escape(demotion.reason)}.\nAfter {demotion.verified_fixes} verified fixes without a bad"
        f" one a raise is proposed. Whoever has found the cause can raise it at once: merge\n"
        f"{_yaml(demotion.restored_by)}"
    )
    return _message(head, body, link, [typed("autonomy")])


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
    head = f":broom: {counted(len(overdue), 'exemption')} {'expired' if done else 'past the date'}"
    due = () if done else (ExpireExemptions().by_hand(),)
    return _message(head, "\n".join(lines), link, due)


def silence_message(part: str, last_at: datetime, *, silent: bool) -> Message:
    """Say that a part of ours is silent, with what a person does then; or that it is back."""
    if not silent:
        return _message(f":white_check_mark: The {part} of cct-ops is heard again", "", None)
    body = (
        f"Its last sign of life was at {last_at:%Y-%m-%d %H:%M:%S %Z}. Where no supervisor starts"
        f" it anew, a person does:\n```{part_command(part)}```"
    )
    return _message(f":rotating_light: The {part} of cct-ops is silent", body, None)


def worker_message(pool: str, kind: str, last_at: datetime, *, silent: bool) -> Message:
    """Say that nobody works for a work pool, with what a person does then; or that it is back."""
    if not silent:
        head = f":white_check_mark: The work pool {pool} has a worker again"
        return _message(head, "", None)
    body = (
        f"The last sign of life of its workers was at {last_at:%Y-%m-%d %H:%M:%S %Z}; playbooks"
        f" wait until one is there. Where no supervisor starts it anew, a person does:"
        f"\n```{escape(worker_command(pool, kind))}```"
    )
    return _message(f":rotating_light: Nobody works for the work pool {pool}", body, None)


def unread_message(source: str, count: int, newest_id: UUID, note: str | None) -> Message:
    """Say that a sender is not understood, and what a person types to see it and to mend it."""
    number = "A delivery" if count == 1 else f"{count} deliveries"
    head = f":rotating_light: {number} of {source} could not be understood, wholly or in part"
    body = (
        "Whoever sent that proved who it is, so alerts may be missing. The newest:"
        f" {escape(note or 'no reason is known')[:500]}. Correct its source, then reprocess it."
    )
    commands = [typed("inbox", "--unfinished"), typed("reprocess", str(newest_id))]
    return _message(head, body, None, commands)


def aside_message(found: Sequence[SetAside]) -> Message:
    """Say what could not be dealt with, and why; it is tried again now and then."""
    number = "Something" if len(found) == 1 else f"{len(found)} things"
    verb = "is" if len(found) == 1 else "are"
    head = f":rotating_light: {number} could not be dealt with and {verb} set aside"
    shown_ones = [
        f"{escape(each.part)}: {escape(each.item[:200])}. {escape(each.reason[:500])}"
        for each in found[:MOST_ASIDE]
    ]
    if len(found) > MOST_ASIDE:
        shown_ones.append(f"and {len(found) - MOST_ASIDE} more")
    body = "Everything else goes on, and this is tried again now and then.\n"
    return _message(head, body + "\n".join(shown_ones), None, [typed("doctor")])


def reminder(due: Sequence[FollowUp], today: date, mentions: Mapping[str, str]) -> Message:
    """Remind people of follow-ups; ``mentions`` has the users of Slack among the owners."""
    late = sum(each.overdue(today) for each in due)
    if len(due) == 1:
        what = f"A follow-up of an incident is {'overdue' if late else 'due today'}"
    else:
        what = f"{len(due)} follow-ups of incidents are due, {late or 'none'} of them overdue"
    head = f":spiral_calendar_pad: {what}"
    lines = [_due(each, today, mentions) for each in due[:MOST_REMINDED]]
    if len(due) > MOST_REMINDED:
        lines.append(f"and {len(due) - MOST_REMINDED} more")
    commands = [typed("follow-ups", "done", str(each.id)) for each in due[:MOST_COMMANDS]]
    return _message(head, "\n".join(lines), None, [*commands, typed("follow-ups", "--overdue")])


def _due(each: FollowUp, today: date, mentions: Mapping[str, str]) -> str:
    """Say in one line since when it is due, whose it is and of which incident."""
    days = (today - each.due).days
    when = f"overdue for {counted(days, 'day')}" if days > 0 else "due today"
    user = mentions.get(each.owner)
    owner = f"<@{user}>" if user else escape(each.owner)
    return f"• {when}, {owner}: {escape(each.text[:200])} (of {str(each.topic_id)[:8]})"


def part_command(part: str) -> str:
    """Return the command that starts a part of ours, as it has to be typed."""
    return typed("start", part)


def worker_command(pool: str, kind: str) -> str:
    """Return the command that starts a worker, as it has to be typed."""
    return typed("prefect", "worker", "start", "--pool", pool, "--type", kind)


def notice(text: str, commands: Sequence[str]) -> Message:
    """Say one thing to the one on call, and what a person types about it."""
    return escape(text), with_commands([section(escape(text))], commands)


def _message(
    head: str,
    body: str,
    link: str | None,
    commands: Sequence[str] = (),
    *,
    board: str | None = None,
) -> Message:
    text = escape(head)
    places = {"The incident on the board": board, "The run in Prefect": link}
    shown_links = " · ".join(f"<{url}|{words}>" for words, url in places.items() if url)
    more = f"\n{shown_links}" if shown_links else ""
    shown_text = fitted(f"*{text}*\n{body}", SECTION_CHARACTERS - len(more))
    return text, with_commands([section(shown_text + more)], commands)


def section(text: str) -> dict[str, Any]:
    """Return a block of text, cut to what Slack takes."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": fitted(text)}}


def with_commands(
    blocks: Sequence[dict[str, Any]], commands: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the blocks, and below them what a person types, as far as it can be shown whole."""
    text = shown(commands)
    return [*blocks, section(text)] if text else [*blocks]
