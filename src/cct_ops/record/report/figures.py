"""The figures of a time, each with the incidents and runs behind it; pure, out of the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cct_ops.models.run import Outcome, Starter
from cct_ops.record.report import minutes
from cct_ops.record.report.checks import LeftOut
from cct_ops.record.report.facts import Facts
from cct_ops.record.report.model import Figure, Group, Report, Section, Span, Unit

NO_PLAYBOOK = "(no playbook)"
ENDED, BY_GUARD = "ended: ", "blocked by "
STARTERS = {
    Starter.PERSON.value: "runs by a person",
    Starter.SCHEDULE.value: "runs by a schedule",
    Starter.PREFECT.value: "runs by somebody in Prefect",
    Starter.UPKEEP.value: "runs of upkeep",
}
UNKNOWN_STARTER = "runs by nobody known"
SAVED = "minutes saved"
_HOUR_SECONDS = 3600
_MOST_DAYS = 62  # that a row of columns has room for


# Each is a part of the number named second.
_PARTS = {
    "acknowledged": "incidents",
    "without a run": "incidents",
    "verified fixes": "attempts",
    "undone": "attempts",
    "undo failed": "attempts",
    "came back within 1 h": "verified fixes",
    "came back within 24 h": "verified fixes",
    "approved": "asked for",
    "declined": "asked for",
    "expired": "asked for",
    "void": "asked for",
    "pending": "asked for",
    "overdue now": "made",
    "were reported overdue": "made",
}
TIMES = {
    "to acknowledge": "acknowledged_at",
    "to first look": "looked_at",
    "to first change": "changed_at",
    "to verified fix": "verified_at",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """
    A row for each incident and run, with a column for each number that it may count in.

    What is counted is 0, 1 or more; what is measured are seconds, or nothing.
    """

    frame: Any
    counts: dict[str, Group]


def reckon(facts: Facts, left_out: Sequence[LeftOut] = ()) -> Report:
    """Reckon the figures of facts that were checked."""
    marked, waits = mark(facts), _waits(facts)
    frame = marked.frame
    sizes = frame.groupby("playbook", sort=True).size().sort_values(ascending=False, kind="stable")
    return Report(
        since=facts.since,
        until=facts.until,
        total=_section(None, marked, waits),
        playbooks=tuple(
            _section(name, Marked(frame[frame["playbook"] == name], marked.counts), waits)
            for name in sizes.index
        ),
        left_out=tuple(left_out),
        days_in_span=_days_in_span(facts),
        spans=tuple(_spans(facts)),
    )


def _days_in_span(facts: Facts) -> int:
    return 1 if (facts.until - facts.since).days <= _MOST_DAYS else 7


def _spans(facts: Facts) -> Iterator[Span]:
    """Yield each day from the first incident on, or each week; those without any as well."""
    cases = facts.cases[facts.cases["incident"].astype(bool)]
    if cases.empty:
        return
    rows = cases.assign(fixed=cases["fixed_at"].notna()).set_index("opened_at")["fixed"]
    spans = rows.resample(f"{_days_in_span(facts)}D").agg(["size", "sum"])
    for begin, size, fixed in spans.itertuples():
        yield Span(begin.to_pydatetime(), int(size), int(fixed))


def mark(facts: Facts) -> Marked:
    """Say of each incident and run in which numbers it counts, in the order of the report."""
    cases = facts.cases
    frame = cases[["id"]].assign(playbook=cases["playbook"].fillna(NO_PLAYBOOK))
    counts: dict[str, Group] = {}
    for group, name, column in (
        *_came(cases),
        *_done(cases),
        *_ended(cases),
        *_blocked(cases),
        *_per_case(cases["id"], Group.APPROVALS, _requests(facts.requests)),
        *_per_case(cases["id"], Group.CHANGES, _lasting(facts.changes)),
        (Group.MINUTES, SAVED, _saved(cases)),
    ):
        frame[name] = column.astype(int)
        counts[name] = group
    for name, end in TIMES.items():
        took = (cases[end] - cases["opened_at"]).dt.total_seconds()
        frame[name] = took.where(cases["incident"])
    return Marked(frame, counts)


_Numbers = Iterator[tuple[Group, str, Any]]


def _came(cases: Any) -> _Numbers:
    incident = cases["incident"].astype(bool)
    yield Group.CAME, "incidents", incident
    yield Group.CAME, "acknowledged", incident & cases["acknowledged_at"].notna()
    yield Group.CAME, "without a run", incident & (cases["runs"] == 0)
    for starter, name in STARTERS.items():
        yield Group.CAME, name, ~incident & (cases["began_by"] == starter)
    yield Group.CAME, UNKNOWN_STARTER, ~incident & ~cases["began_by"].isin(STARTERS)


def _done(cases: Any) -> _Numbers:
    fixed = cases["fixed_at"].notna()
    after = (cases["again_at"] - cases["fixed_at"]).dt.total_seconds()
    yield Group.DONE, "attempts", cases["attempted"]
    yield Group.DONE, "verified fixes", fixed
    yield Group.DONE, "undone", cases["undone"]
    yield Group.DONE, "undo failed", cases["undo_failed"]
    yield Group.DONE, "came back within 1 h", fixed & (after <= _HOUR_SECONDS)
    yield Group.DONE, "came back within 24 h", fixed & (after <= 24 * _HOUR_SECONDS)


def _ended(cases: Any) -> _Numbers:
    for outcome in sorted(cases["outcome"].dropna().unique()):
        yield Group.ENDED, f"{ENDED}{outcome}", cases["outcome"] == outcome


def _blocked(cases: Any) -> _Numbers:
    stopped = cases["guards"].map(bool).astype(bool)
    without = (cases["outcome"] == Outcome.BLOCKED.value) & ~stopped
    yield Group.BLOCKED, "blocked", stopped | without
    for guard in sorted({guard for guards in cases["guards"] for guard in guards}):
        by = cases["guards"].map(lambda guards, guard=guard: guard in guards)
        yield Group.BLOCKED, f"{BY_GUARD}{guard}", by
    yield Group.BLOCKED, f"{BY_GUARD}no guard", without


def _per_case(ids: Any, group: Group, numbers: Any) -> _Numbers:
    """Add up what is known of an incident's requests, or of its temporary changes."""
    sums = numbers.groupby("case_id").sum()
    for name in sums.columns:
        yield group, name, ids.map(sums[name]).fillna(0)


def _requests(requests: Any) -> Any:
    frame = requests[["case_id"]].assign(**{"asked for": 1})
    for state in ("approved", "declined", "expired", "void", "pending"):
        frame[state] = (requests["state"] == state).astype(int)
    return frame


def _lasting(changes: Any) -> Any:
    return changes[["case_id"]].assign(
        **{
            "made": 1,
            "overdue now": changes["overdue"].astype(int),
            "were reported overdue": changes["alarmed_at"].notna().astype(int),
        }
    )


def _saved(cases: Any) -> Any:
    rows = zip(
        cases["playbook"],
        cases["outcome"],
        cases["fixed_at"].notna(),
        cases["answers"],
        strict=True,
    )
    saved = [
        minutes.saved(playbook, outcome, fixed=fixed, answers=answers)
        for playbook, outcome, fixed, answers in rows
    ]
    return cases.assign(saved=saved)["saved"]


def _waits(facts: Facts) -> Any:
    """Return for each request that a person answered how long it waited."""
    answered = facts.requests[facts.requests["state"].isin(["approved", "declined"])]
    waited = (answered["decided_at"] - answered["requested_at"]).dt.total_seconds()
    return answered[["case_id"]].assign(seconds=waited).dropna()


def _section(playbook: str | None, marked: Marked, waits: Any) -> Section:
    frame = marked.frame
    mine = waits[waits["case_id"].isin(frame["id"])]
    values = {name: int(frame[name].sum()) for name in marked.counts}
    figures = [
        Figure(
            group=group,
            name=name,
            unit=Unit.MINUTES if group is Group.MINUTES else Unit.COUNT,
            value=values[name],
            ids=tuple(frame["id"][frame[name] > 0]),
            of=values[_PARTS[name]] if name in _PARTS else None,
        )
        for name, group in marked.counts.items()
        if values[name] or not name.startswith(("runs", ENDED, BY_GUARD))
    ]
    for name in TIMES:
        figures += _spread(Group.TIMES, name, frame["id"], frame[name])
    figures += _spread(Group.APPROVALS, "waited", mine["case_id"], mine["seconds"])
    order = list(Group)
    return Section(playbook, tuple(sorted(figures, key=lambda each: order.index(each.group))))


def _spread(group: Group, name: str, ids: Any, seconds: Any) -> Iterator[Figure]:
    """Yield the median and the 95th percentile of what is known, between its values linearly."""
    known = seconds.notna()
    behind = tuple(dict.fromkeys(ids[known]))
    for word, share in (("median", 0.5), ("p95", 0.95)):
        value = float(seconds[known].quantile(share)) if behind else None
        yield Figure(group, f"{name}, {word}", Unit.SECONDS, value, behind)
