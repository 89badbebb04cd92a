"""``cct-ops replay``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands import moments
from cct_ops.commands.options import Json
from cct_ops.terminal import columns, say, show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cct_ops.replay.history import Line
    from cct_ops.replay.result import Fate, Replayed
    from cct_ops.replay.rules import RuleFiles

_COLUMNS = columns(
    first="first received (UTC)", times="times", source="source", alert="alert", today="today"
)


def replay(  # noqa: PLR0913 -- each is one option
    *,
    since: Annotated[
        str, Parameter(help="30m, 12h, 7d, or a moment such as 2026-11-24T18:30.")
    ] = "7d",
    baseline: Annotated[
        str | None, Parameter(help="A git revision: show what would have been different by it.")
    ] = None,
    history: Annotated[
        Path | None, Parameter(help="A file that --record wrote, in the place of the ledger.")
    ] = None,
    record: Annotated[
        Path | None, Parameter(help="Only write what came in to this file, without secrets.")
    ] = None,
    allow: Annotated[
        int | None, Parameter(help="So many alerts may differ; else what the file says, or 0.")
    ] = None,
    acknowledged: Annotated[
        Path | None,
        Parameter(help="Which differences are wanted: replay-acknowledged.yaml beside the routes."),
    ] = None,
    acknowledge: Annotated[
        bool, Parameter(negative="", help="Print the entries that are missing there.")
    ] = False,
    files_only: Annotated[
        bool, Parameter(negative="", help="Compare files alone, both by the code that runs here.")
    ] = False,
    as_json: Json = False,
) -> int:
    """
    Show what today's sources, routes and policy would do with past deliveries. Touches nothing.

    With --baseline it compares them, and the code behind them, with a revision: it exits with 0
    where nothing differs that is not acknowledged, with 1 where something does, and with 2 where it
    could not be compared.
    """
    from cct_ops.errors import BadConfiguration, OpsError

    if baseline is not None:
        from cct_ops.commands.replay_gate import Gate

        gate = Gate(baseline, _files(), acknowledged, allow, files_only=files_only)
        try:
            return gate.run(history, moments.past(since), acknowledge=acknowledge, as_json=as_json)
        except OpsError as error:
            say(("cct-ops: ", "bold red"), f"not compared: {error}", stderr=True)
            return 2
    if allow is not None or acknowledged is not None or acknowledge or files_only:
        raise BadConfiguration(
            "--allow, --acknowledged, --acknowledge and --files-only belong to --baseline"
        )
    if record is not None:
        return _record(record, history, moments.past(since))
    from cct_ops.replay.engine import replay as replay_history
    from cct_ops.replay.rules import read_rules

    rules = read_rules(_files())
    _show_today(replay_history(rules, _lines(history, moments.past(since))), as_json=as_json)
    return 0


def _files() -> RuleFiles:
    from cct_ops.replay.rules import RuleFiles
    from cct_ops.settings import Settings

    settings = Settings.load()
    return RuleFiles(settings.sources_path, settings.routes_path, settings.policy_path)


def _lines(history: Path | None, since: datetime) -> Iterator[Line]:
    """Read the file, or the ledger."""
    from cct_ops.commands.here import ledger
    from cct_ops.replay import history as file
    from cct_ops.replay.recording import history_of

    return history_of(ledger(), since) if history is None else file.read(history)


def _record(path: Path, history: Path | None, since: datetime) -> int:
    from cct_ops.errors import BadConfiguration
    from cct_ops.models.base import counted
    from cct_ops.replay import history as file

    if history is not None:
        raise BadConfiguration("--record writes what the ledger has: it takes no --history")
    count = file.write(path, _lines(None, since))
    say(f"{path}: {counted(count, 'delivery', 'deliveries')} since {since:%Y-%m-%d %H:%M} UTC")
    return 0


def _show_today(replayed: Replayed, *, as_json: bool) -> None:
    # What is alike is one line: a storm would be thousands. In the order of the first of its kind.
    shown: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], datetime] = {}
    for fate in replayed.fates:
        if (words := _today(fate)) is not None:
            line = (fate.source, fate.alert, words)
            first.setdefault(line, fate.at)
            shown[line] += 1
    rows = [
        {
            "first": first[line],
            "times": times,
            "source": line[0],
            "alert": line[1],
            "today": line[2],
        }
        for line, times in shown.items()
    ]
    empty = "Nothing came in since then."
    show(_COLUMNS, rows, as_json=as_json, limits={"alert": 40}, empty=empty)
    if rows and not as_json:
        say(replayed.summary)


def _today(fate: Fate) -> str | None:  # noqa: PLR0911 -- one for each
    """Say which run the alert would get, or why none; None for what opens nothing."""
    from cct_ops.replay.result import Became

    match fate.became:
        case Became.FIRED:
            given = ", ".join(f"{name}={value}" for name, value in fate.parameters.items())
            end = f"{fate.end} by {fate.guard}" if fate.guard else fate.end
            return f"{fate.rule}: {fate.playbook} ({given}), mode {fate.mode}: {end}"
        case Became.UNMATCHED:
            return f"{fate.rule}: people are notified"
        case Became.UNFIT:
            return f"{fate.rule}: blocked, {fate.note}"
        case Became.QUARANTINED | Became.DELETED:
            return f"{fate.became}: {fate.note}"
        case Became.PARTLY:
            return fate.note or ""
        case Became.WATCHDOG:
            return "a watchdog: only its silence is an incident"
        case Became.GROUPED | Became.NO_ROOM:
            return f"{fate.rule}: in a burst: {fate.became}"
        case _:
            return None
