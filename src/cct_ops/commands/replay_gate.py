"""The comparison of a replay with a baseline, as people and programs read it, and its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cct_ops.terminal import columns, say, say_json, show

if TYPE_CHECKING:
    from cct_ops.replay.acknowledged import Verdict
    from cct_ops.replay.compare import Comparison, Difference
    from cct_ops.replay.result import Fate
    from cct_ops.replay.rules import RuleFiles
    from cct_ops.replay.sides import Sides

ACKNOWLEDGED_DAYS = 30
_MOST_ALERTS = 5  # of a difference; --json has them all

_RULES = columns("rule", "playbook", fired="fired", blocked="blocked by a guard")
_DIFFERENCES = columns(
    "difference", "what", "times", "source", "alert", before="by the baseline", after="now"
)


@dataclass(frozen=True)
class Gate:
    """One comparison of these files with a revision, and what may differ."""

    revision: str
    files: RuleFiles
    acknowledged: Path | None
    allow: int | None
    files_only: bool

    def run(
        self, history: Path | None, since: datetime, *, acknowledge: bool, as_json: bool
    ) -> int:
        """Compare, show it, and return the exit status; raises ``OpsError`` where it cannot."""
        from cct_ops.commands.here import person
        from cct_ops.errors import BadConfiguration
        from cct_ops.replay import acknowledged
        from cct_ops.replay.compare import compare

        if acknowledge and as_json:
            raise BadConfiguration("--acknowledge prints lines of YAML: it goes without --json")
        if self.allow is not None and self.allow < 0:
            raise BadConfiguration("--allow is a number of alerts: 0 or more")
        path = self.acknowledged or self.files.routes.parent / acknowledged.FILE
        if self.acknowledged is not None and not path.is_file():
            raise BadConfiguration(f"{path}: there is no such file")
        wanted = acknowledged.read(path)
        sides = self._replayed(history, since)
        comparison = compare(sides.before, sides.after)
        today = datetime.now(UTC).date()
        verdict = acknowledged.judge(comparison.differences, wanted, today, self.allow)
        if acknowledge:
            until = today + timedelta(days=ACKNOWLEDGED_DAYS)
            print(acknowledged.entries(verdict.open, person(), until))
        elif as_json:
            say_json(_in_json(sides, comparison, verdict))
        else:
            _show(sides, comparison, verdict, path)
        return 0 if verdict.passes else 1

    def _replayed(self, history: Path | None, since: datetime) -> Sides:
        from cct_ops.commands.here import ledger
        from cct_ops.replay import history as file
        from cct_ops.replay.recording import history_of
        from cct_ops.replay.sides import replay_both

        with ExitStack() as stack:
            if history is None:
                folder = stack.enter_context(TemporaryDirectory(prefix="cct-ops-history-"))
                history = Path(folder) / "history.jsonl"
                file.write(history, history_of(ledger(), since))
            return replay_both(self.revision, self.files, history, files_only=self.files_only)


def _show(sides: Sides, comparison: Comparison, verdict: Verdict, path: Path) -> None:
    say(comparison.summary)
    rules = [
        {"rule": row.rule, "playbook": row.playbook}
        | {"fired": _pair(row.fired), "blocked": _pair(row.blocked)}
        for row in comparison.rules
    ]
    show(_RULES, rules, as_json=False, empty="No alert would have started a run, then or now.")
    if comparison.differences:
        show(_DIFFERENCES, [_row(each) for each in comparison.differences], as_json=False)
        for each in comparison.differences:
            _show_alerts(each)
    for note in _notes(sides, comparison):
        say(f"Note: {note}.")
    for entry in verdict.expired:
        say(f"{path}: {entry.difference} by {entry.by} is over since {entry.until}.")
    for entry in verdict.unknown:
        say(f"{path}: {entry.difference} is no difference any more: delete it.")
    if verdict.open:
        missing = ", ".join(f"{each.digest} ({each.times})" for each in verdict.open)
        said = "passes" if verdict.passes else "does not pass"
        say(
            f"Not acknowledged: {missing}. {verdict.alerts} differ and {verdict.allow} may: it"
            f" {said}. What is wanted goes into {path}: --acknowledge prints the lines."
        )


def _show_alerts(difference: Difference) -> None:
    for told in difference.alerts[:_MOST_ALERTS]:
        fate = told.after or told.before
        given = ", ".join(f"{name}={value}" for name, value in _parameters(fate).items())
        said = f"  {difference.digest}  {told.at:%Y-%m-%d %H:%M:%S}  delivery {told.delivery}"
        say(f"{said}  {given}".rstrip())
    if (more := difference.times - _MOST_ALERTS) > 0:
        say(f"  {difference.digest}  and {more} more, which --json shows")


def _parameters(fate: Fate | None) -> Mapping[str, str | int]:
    return fate.parameters if fate else {}


def _row(each: Difference) -> dict[str, Any]:
    return {
        "difference": each.digest,
        "what": each.kind.value,
        "times": each.times,
        "source": each.source,
        "alert": each.alert,
        "before": each.before,
        "after": each.after,
    }


def _notes(sides: Sides, comparison: Comparison) -> Iterable[str]:
    yield from sides.notes
    if comparison.playbooks:
        yield (
            f"the code of {', '.join(comparison.playbooks)} is another one now: what a playbook"
            " concludes is not replayed, as the answers that it got are not kept"
        )
    if unknown := sides.after.unknown:
        yield f"{unknown}: {_GUESSED}"
    if deleted := comparison.counts[1].get("deleted"):
        yield f"{deleted} of the bodies are deleted, so nothing is known of what was in them"


_GUESSED = "in auto mode it counts as one change unless a guard stops it"


def _pair(numbers: tuple[int, int]) -> str:
    before, after = numbers
    return f"{before}" if before == after else f"{before} → {after}"


def _in_json(sides: Sides, comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    missing = {each.digest for each in verdict.open}
    before, after = comparison.fired
    return {
        "baseline": sides.commit,
        "summary": comparison.summary,
        "passes": verdict.passes,
        "allow": verdict.allow,
        "not_acknowledged": verdict.alerts,
        "fired": {"before": before, "after": after},
        "rules": [each.model_dump(mode="json") for each in comparison.rules],
        "differences": [
            _row(each)
            | {"acknowledged": each.digest not in missing}
            | {"alerts": [told.model_dump(mode="json") for told in each.alerts]}
            for each in comparison.differences
        ],
        "counts": dict(zip(("before", "after"), comparison.counts, strict=True)),
        "unknown_runs": dict(zip(("before", "after"), comparison.unknown_runs, strict=True)),
        "playbooks": list(comparison.playbooks),
        "notes": list(_notes(sides, comparison)),
        "expired": [each.model_dump(mode="json") for each in verdict.expired],
        "unknown": [each.model_dump(mode="json") for each in verdict.unknown],
    }
