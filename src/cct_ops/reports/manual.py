"""
What a person types next, exactly as it has to be typed.

Whatever comes from outside, such as a target or a parameter, is quoted for the shell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from pydantic_core import to_jsonable_python

from cct_ops.actions.registry import by_hand
from cct_ops.clients.slack_text import SECTION_CHARACTERS, escape
from cct_ops.clients.text import one_line
from cct_ops.ledger.record.account import UNDO_FAILED, ActionRecord, RunRecord
from cct_ops.models.change import TemporaryChange
from cct_ops.models.guards import Guard
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import RECOVER, Outcome, Run
from cct_ops.typed import typed


def about(run_id: UUID, incident_id: UUID | None) -> str:
    """Return what shows the history of it."""
    return _words("why", str(incident_id or run_id))


def start_again(
    playbook: str, parameters: Mapping[str, object], incident_id: UUID | None = None
) -> str:
    """Return what starts a playbook anew, for the same incident; a person has to approve."""
    asking = {**parameters, "mode": "approve"} if "mode" in parameters else parameters
    said = {name: _said(value) for name, value in sorted(asking.items())}
    given = [_option(name, value) for name, value in said.items() if value not in (None, {})]
    if incident_id is not None:
        given.append(("--incident", str(incident_id)))
    return typed("run", playbook, *(word for words in given for word in words))


def requeue(incident_id: UUID) -> str:
    """Return what gives an incident another try, once the cause is mended."""
    return _words("requeue", str(incident_id))


def past(guard: Guard, playbook: str, target: str, incident_id: UUID | None = None) -> str:
    """Return what lifts a guard where a person may do that, else what shows how it stands."""
    match guard:
        case Guard.KILL_SWITCH:
            return typed("resume")
        case Guard.HOLD:
            return _words("release", target)
        case _:
            about_it = () if incident_id is None else ("--incident", str(incident_id))
            return typed("guards", *about_it, *_end_of_options(target), playbook, target)


def steps(plan: Plan) -> tuple[str, ...]:
    """Return what carries a plan out by hand, as far as commands can."""
    return _of(plan.calls)


def put_back(known: RunRecord) -> tuple[str, ...]:
    """Return what takes back by hand what a run has changed and nobody has put back."""
    undo = {
        str(step.call): step.undo
        for decision in known.decisions
        for step in decision.plan.steps
        if step.undo is not None
    }
    made = [undo.get(str(act.call)) for act in known.actions if _may_be_made(act)]
    done = [str(act.call) for act in known.actions if act.kind == "restore" and act.confirmed_at]
    return _of(call for call in reversed(made) if call is not None and str(call) not in done)


def _may_be_made(act: ActionRecord) -> bool:
    """Say whether a change may be in effect: not one that was refused or had no effect."""
    return act.kind == "change" and act.state not in {"not done", "without effect"}


def make_again(known: RunRecord) -> tuple[str, ...]:
    """Return what makes by hand what lowers risk and of which no look has shown the effect."""
    lowering = {
        str(step.call)
        for decision in known.decisions
        for step in decision.plan.steps
        if step.lowers_risk
    }
    return _of(
        act.call for act in known.actions if str(act.call) in lowering and act.confirmed_at is None
    )


def overdue(change: TemporaryChange) -> tuple[str, ...]:
    """Return what ends a temporary change: by a run that compares first, or past everything."""
    return (typed("changes", "end", str(change.id)), *_of([change.revert]), typed("changes"))


def recover(run_id: UUID, known: RunRecord) -> tuple[str, ...]:
    """Return what takes back the change of a dead run: by a run that looks first, or by hand."""
    return (start_again(RECOVER, {"run_id": run_id}), *put_back(known))


def after(
    outcome: Outcome,
    run: Run,
    target: str,
    known: RunRecord,
    parameters: Mapping[str, object] | None,
) -> tuple[str, ...]:
    """Return what a person does after a run that ended so; nothing where nothing is due."""
    if outcome is Outcome.RECOMMENDED:
        plan = known.decisions[-1].plan.calls if known.decisions else ()
        due = [*_of(plan), *_again(run, parameters)]
    elif outcome.needs_attention:
        due = [*_due(outcome, run, target, known, parameters)]
    else:
        return ()
    return tuple(dict.fromkeys([*due, about(run.id, run.incident_id)]))


def shown(commands: Iterable[str], heading: str = "By hand") -> str:
    """Show commands in Slack's markup; one that cannot be shown whole is left out."""
    text = f"*{heading}*"
    for command in commands:
        if "```" in command or one_line(command) != command:
            continue
        more = f"{text}\n```{escape(command)}```"
        if len(more) <= SECTION_CHARACTERS:
            text = more
    return text if "\n" in text else ""


def _due(
    outcome: Outcome,
    run: Run,
    target: str,
    known: RunRecord,
    parameters: Mapping[str, object] | None,
) -> Iterator[str]:
    last = known.decisions[-1] if known.decisions else None
    if outcome is Outcome.BLOCKED and last is not None and last.guard is not None:
        yield past(Guard(last.guard), run.playbook, target, run.incident_id)
    again = make_again(known)
    undo_failed = any(decision.verdict == UNDO_FAILED for decision in known.decisions)
    doubt = any(_may_be_made(act) for act in known.actions)
    if outcome is Outcome.UNVERIFIED and again:
        yield from again
    elif outcome is Outcome.UNVERIFIED or (outcome is Outcome.FAILED and (undo_failed or doubt)):
        yield from put_back(known)
    else:
        yield from _again(run, parameters)


def _again(run: Run, parameters: Mapping[str, object] | None) -> Iterator[str]:
    if parameters is not None:
        yield start_again(run.playbook, parameters, run.incident_id)


def _of(calls: Iterable[Call]) -> tuple[str, ...]:
    return tuple(command for command in map(by_hand, calls) if command is not None)


def _said(value: object) -> object:
    """Return a parameter without what was left empty in it, as the form and defaults leave it."""
    plain = to_jsonable_python(value)
    if not isinstance(plain, dict):
        return plain
    return {name: inner for name, inner in plain.items() if inner is not None}


def _option(name: str, plain: object) -> tuple[str, ...]:
    """Write a parameter as `cct-ops run` reads it: text as it is, anything else as JSON."""
    option = f"--{name.replace('_', '-')}"
    text = plain if isinstance(plain, str) else json.dumps(plain)
    return (f"{option}={text}",) if text.startswith("-") or not text else (option, text)


def _words(*words: str) -> str:
    """Join words of ``cct-ops``; what begins like an option and is none stands behind ``--``."""
    return typed(words[0], *_end_of_options(*words), *words[1:])


def _end_of_options(*words: str) -> tuple[str, ...]:
    return ("--",) if any(word.startswith("-") for word in words) else ()
