"""A report in words: its values, its first sentence, and what each number means."""

from __future__ import annotations

from cct_ops.models.base import counted
from cct_ops.record.report import minutes
from cct_ops.record.report.figures import STARTERS, UNKNOWN_STARTER
from cct_ops.record.report.model import Figure, Report, Unit

MEANINGS = {
    "incidents": "Those that came in within the time. Runs that a person or a schedule started for"
    " no incident count where they ended within it, in every number but incidents, acknowledged,"
    " without a run and the times.",
    "acknowledged": "Something or somebody took it on: a run for it was created or began, a page"
    " about it reached a person, or a person answered a request. A notice in Slack is none: nobody"
    " need have read it.",
    "attempts": "A run had a permit to change something, and not all that it sent was refused.",
    "verified fixes": "The last run ended as Resolved, and its verification says that the fix"
    " holds. The rate is of the attempts.",
    "undone": "What a run had begun was put back.",
    "undo failed": "What a run had begun could not be put back.",
    "came back within": "After a verified fix the same playbook had to decide about the same target"
    " in another run. Of a fix that is younger, only what has happened until now is known.",
    "blocked": "A guard stopped a plan, or the run ended as Blocked; an incident that several"
    " guards stopped counts for each of them.",
    "times": "From when an incident came in; a value between two is interpolated. First look: the"
    " first answer of CCT that its runs took, 0 where one was there already. First change: the"
    " first call that was not refused. Verified fix: when its verification said so.",
    "approvals": "Requests for approval, and how long those that a person answered waited.",
    "temporary changes": "Those that were made; overdue now are open and past their end.",
    "minutes saved": minutes.RULE,
}


def value(figure: Figure) -> str:
    """Return a figure as people read it; a dash where there is nothing to reckon it from."""
    if figure.value is None:
        return "-"
    if figure.unit is Unit.SECONDS:
        return took(figure.value)
    if figure.share is None:
        return f"{figure.value:g}" if figure.value < 10**5 else f"{figure.value:.0f}"
    return f"{figure.value:.0f} of {figure.of} ({figure.share:.0%})"


def took(seconds: float) -> str:
    """Return a length of time with as many digits as matter."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3597:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} d"


def first_sentence(report: Report) -> str:
    """Say what there was, also where there was nothing."""
    span = f"From {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC"
    total = {figure.name: figure for figure in report.total.figures}
    incidents, without = total["incidents"].value, total["without a run"].value
    runs = {
        name.removeprefix("runs "): total[name].value or 0
        for name in (*STARTERS.values(), UNKNOWN_STARTER)
        if name in total
    }
    if not incidents and not runs:
        return f"{span} no incident came in, and no run for none ended."
    said = counted(incidents or 0, "incident")
    if incidents:
        said += f", {'none' if not without else f'{without:g}'} of them without a run"
    if not runs:
        return f"{span}: {said}; no run for no incident ended."
    whose = ", ".join(f"{each:g} {whom}" for whom, each in runs.items())
    return f"{span}: {said}; {counted(sum(runs.values()), 'run')} for no incident ended: {whose}."
