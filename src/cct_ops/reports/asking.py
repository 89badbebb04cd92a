"""Slack messages about a request for approval: the plan, the reason to ask, two buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cct_ops.clients.slack_text import SECTION_CHARACTERS, escape, fitted
from cct_ops.config.approvers import Approver
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.models.base import counted
from cct_ops.models.run import Severity
from cct_ops.models.topic import Topic
from cct_ops.reports import manual
from cct_ops.reports.links import board_page
from cct_ops.reports.messages import Message, section, with_commands
from cct_ops.reports.steps import Shown, shown

SHOWN_STEPS = 10


def approval_message(approval: Approval, link: str | None, yes: Sequence[str] = ()) -> Message:
    """Say that a plan waits for a yes; the buttons carry the request's id, which is no secret."""
    plan = approval.plan
    head = f":raised_hand: {approval.playbook} on {approval.target} waits for approval"
    steps = [_step(*each) for each in enumerate(shown(plan)[:SHOWN_STEPS], 1)]
    if len(plan.steps) > SHOWN_STEPS:
        steps.append(f"… and {len(plan.steps) - SHOWN_STEPS} more")
    who = "One person decides" if approval.persons == 1 else f"{approval.persons} persons decide"
    if yes:
        who = f"*{escape(so_far(approval, yes))}*"
    until = int(approval.expires_at.timestamp())
    places = {"on the board": board_page(f"/approvals/{approval.id}"), "the run in Prefect": link}
    more = "".join(f" · <{url}|{words}>" for words, url in places.items() if url)
    blocks = [
        section(f"*{escape(head)}*\n*{escape(approval.headline)}* ({escape(approval.severity)})"),
        section("\n".join([escape(plan.summary), *steps])),
        section(f"*Blast radius*  {escape(plan.blast_radius)}"),
        section(f"*Why a person*  {escape(approval.why)}"),
    ]
    buttons = [_button("Approve", "primary", approval), _button("Decline", "danger", approval)]
    by = f"<!date^{until}^{{time_secs}}|{approval.expires_at:%H:%M:%S} UTC>"
    return escape(head), [
        *with_commands(blocks, manual.steps(plan)),
        {"type": "actions", "elements": buttons},
        _note(f"{who}, by {by}{more}"),
    ]


def topic_of(approval: Approval, state: str, *, needs_person: bool = False) -> Topic:
    """Return what a request is about, and where that stands."""
    return Topic(
        id=approval.incident_id or approval.run_id,
        title=f"{approval.playbook} on {approval.target}",
        state=state,
        severity=Severity(approval.severity),
        needs_person=needs_person,
    )


def answered_message(approval: Approval) -> Message:
    """Show a request that is open no more: without buttons, and how it ended."""
    text, blocks = approval_message(approval, None)
    kept = [block for block in blocks[:-1] if block["type"] != "actions"]
    return text, [*kept, _note(escape(ended(approval)))]


def ended(approval: Approval) -> str:
    """Say how a request ended, when and by whom."""
    at = approval.decided_at or approval.expires_at
    when = f"at {at:%H:%M:%S} UTC on {at:%Y-%m-%d}"
    match approval.state:
        case ApprovalState.APPROVED | ApprovalState.DECLINED:
            note = f": {approval.note}" if approval.note else ""
            return f"{approval.state.capitalize()} by {approval.approver} {when}{note}."
        case ApprovalState.VOID:
            return f"Void {when}: {approval.note}"
        case _:
            return f"Expired {when}: nobody answered in time."


def so_far(approval: Approval, yes: Sequence[str]) -> str:
    """Say who has said yes, and how many more must."""
    needed = counted(approval.persons - len(yes), "more person", "more persons")
    return f"{' and '.join(yes)} said yes, {needed} must"


def link_message(
    approval: Approval, person: Approver, link: str, yes: Sequence[str] = ()
) -> Message:
    """Bring one approver the link that is that person's alone; ``yes`` are those who approved."""
    head = f":raised_hand: {approval.playbook} on {approval.target} waits for your approval"
    shown_text = f"*{escape(head)}*\n"
    if yes:
        shown_text += f"{escape(so_far(approval, yes))}.\n"
    shown_text += f"{escape(approval.headline)} ({escape(approval.severity)})"
    last = (
        f"<{link}|Look at the plan and decide>\n"
        f"This link is for {escape(person.name)} alone and works once, until"
        f" {approval.expires_at:%H:%M:%S} UTC."
    )
    room = SECTION_CHARACTERS - len(last) - 1
    block = section(f"{fitted(shown_text, room)}\n{last}")
    return escape(head), with_commands([block], manual.steps(approval.plan))


def unanswered_message(
    approval: Approval, contact_id: str, contact: Approver | None, command: str
) -> Message:
    """Notify the next contact that nobody answered, and how to go on by hand."""
    head = f":hourglass: Nobody approved {approval.playbook} on {approval.target} in time"
    called = escape(contact.name if contact else contact_id)
    if contact is not None and contact.slack_user_id:
        called = f"<@{contact.slack_user_id}>"
    body = [
        f"*{escape(head)}*",
        f"{called}: the run changed nothing. What it had seen: {escape(approval.headline)}",
        "To look again and be asked again:",
        f"```{escape(command)}```",
    ]
    return escape(head), with_commands([section("\n".join(body))], manual.steps(approval.plan))


def _step(number: int, each: Shown) -> str:
    step = each.step
    undo = f"undo `{_code(step.undo)}`" if step.undo else "*cannot be undone*"
    lasts = f" {step.lasts}" if step.lasts else ""
    what = escape(each.words) if each.words else f"`{_code(step.call)}`"
    parts = [f"    • `{_code(part)}`" for part in each.parts[:SHOWN_STEPS]]
    if (more := len(each.parts) - SHOWN_STEPS) > 0:
        parts.append(f"    … and {more} more")
    return "\n".join([f"{number}. {what}{lasts}, {undo}", *parts])


def _code(text: object) -> str:
    return escape(str(text)).replace("`", "'")


def _note(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _button(word: str, style: str, approval: Approval) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": f"approval_{word.lower()}",
        "text": {"type": "plain_text", "text": word},
        "style": style,
        "value": str(approval.id),
    }
