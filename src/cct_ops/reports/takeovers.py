"""What a takeover does to one run at the point where it is, and the notice that there was one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cct_ops.clients.slack_text import escape
from cct_ops.models.base import counted, duration
from cct_ops.models.takeover import Choice, Phase, RunProgress, Takeover
from cct_ops.models.topic import playbook_on
from cct_ops.reports.messages import Message, section


def standing(found: RunProgress) -> str:
    """Say what the run is at."""
    name = playbook_on(found.playbook or "the run", found.target)
    match found.phase:
        case Phase.WATCHING:
            watched = f", for {duration(found.watch_seconds)} in all" if found.watch_seconds else ""
            return f"{name} {found.phase}{watched}: {_calls(found)}."
        case Phase.CHANGING if found.made:
            return f"{name} {found.phase}: {_calls(found)}, of {counted(found.planned, 'step')}."
        case Phase.SILENT if found.made:
            return f"{name} {found.phase}; it had changed, or may have: {_calls(found)}."
        case _:
            return f"{name} {found.phase}."


def effect(found: RunProgress, choice: Choice) -> str:
    """Say what will happen on this very run if it is taken over so now."""
    return " ".join(_sentences(found, choice))


def _sentences(found: RunProgress, choice: Choice) -> Iterator[str]:
    if found.phase is Phase.SILENT:
        yield "Its process is dead or stuck, so this is done once its lease is over."
    if found.phase is Phase.CHANGING:
        yield "A request that is on its way is finished first."
    if choice is Choice.WATCH:
        yield from _watched(found)
        return
    waits = " The request for approval ends with it." if found.phase is Phase.ASKING else ""
    yield f"It ends within two seconds.{waits}"
    if found.phase not in {Phase.CHANGING, Phase.WATCHING} and not found.made:
        yield "It has changed nothing, so nothing has to be taken back."
        return
    yield from _undone(found) if choice is Choice.UNDO else _kept(found)


def _watched(found: RunProgress) -> Iterator[str]:
    if found.phase in {Phase.CHANGING, Phase.WATCHING} or found.made:
        yield "It changes nothing any more, and takes nothing back, whatever it sees."
        if found.phase is Phase.SILENT:
            yield "As it cannot watch on, it is looked at once."
        else:
            over = "until its watch is over"
            yield f"It goes on looking {over}, and reports how that came out."
        yield from _ends_by_itself(found)
        return
    asked = " The request for approval ends." if found.phase is Phase.ASKING else ""
    yield f"It looks once more, changes nothing, and reports what it would have done.{asked}"


def _undone(found: RunProgress) -> Iterator[str]:
    back = [str(step.undo) for step in reversed(found.made) if step.undo and not step.lowers_risk]
    stays = [str(step.call) for step in found.made if step.lowers_risk]
    lasting = [str(step.call) for step in found.made if step.undo is None and not step.lowers_risk]
    if back:
        yield f"What it changed is taken back by {', '.join(back)}, and looked at afterwards."
    if stays:
        yield f"It stays, because it lowers risk: {', '.join(stays)}."
    if lasting:
        yield f"It stays, because nothing takes it back: {', '.join(lasting)}."
    if not found.made:
        yield "Nothing was sent yet."


def _kept(found: RunProgress) -> Iterator[str]:
    if found.made:
        yield f"What it changed stays as it is: {_calls(found)}. Nothing verifies it any more."
    else:
        yield "Nothing was sent yet."
    yield from _ends_by_itself(found)


def _ends_by_itself(found: RunProgress) -> Iterator[str]:
    for change in found.temporary:
        yield f"{change.call} is temporary and still ends by itself, at {_moment(change.until)}."


def held(target: str, until: datetime | None) -> str:
    """Say until when automation leaves the target alone."""
    if until is None or not target:
        return "Its target is not known yet, so nothing holds it: hold it by itself if need be."
    return f"No playbook changes {target} until {_moment(until)}, or until somebody releases it."


def takeover_message(taken: Takeover, link: str | None) -> Message:
    """Notify people who steers from now on."""
    on = playbook_on(taken.playbook or "a run", taken.target)
    head = escape(f":raised_hand: {taken.person} has taken over {on}: {taken.choice}")
    said = [f"*{head}*", escape(taken.reason)]
    if taken.held_until is not None:
        said.append(escape(held(taken.target, taken.held_until)))
    if link:
        said.append(f"<{link}|The run in Prefect>")
    return head, [section("\n".join(said))]


def _calls(found: RunProgress) -> str:
    return ", ".join(str(step.call) for step in found.made)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M %Z}"
