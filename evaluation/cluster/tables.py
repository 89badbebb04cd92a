"""What a round of faults printed: one line for each pair, and each claim that broke."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from evaluation.cluster.results import Broken, Met, Pair, Without, pair_id


def show(met: Sequence[Met], failed: Sequence[str], left: Sequence[Pair]) -> None:
    """Print what the pairs met, what broke, and what came to nothing."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table(
        "fault", "lasted", "longest answer", "all well after", "phases", "put to the proof"
    )
    for each in met:
        proven = sum(number > 0 for number in each.exposures.values())
        table.add_row(
            each.fault,
            f"{each.lasted_seconds:.0f} s",
            f"{each.longest_answer_seconds:.1f} s",
            "never" if each.recovery_seconds is None else f"{each.recovery_seconds:.0f} s",
            ", ".join(f"{phase} {number}" for phase, number in each.phases.items() if number),
            f"{proven} of {len(each.exposures)} claims",
        )
    console.print(table)
    for each in met:
        _say(console, f"{pair_id(*each.pair)} ({each.fault})", each.broken)
    for why in failed:
        console.print(f"came to nothing: {why}")
    if left:
        console.print(f"not begun: {', '.join(pair_id(*pair) for pair in left)}")
    broken = sum(len(each.broken) for each in met)
    console.print(f"{len(met)} pairs of part and fault, {broken} times a claim was broken")


def show_without(seen: Sequence[Without], failed: Sequence[str]) -> None:
    """Print for each protection that was taken away under which faults its claim was broken."""
    console = Console(soft_wrap=True, highlight=False)
    for name in dict.fromkeys(each.protection for each in seen):
        those = [each for each in seen if each.protection == name]
        broken = [each for each in those if each.times]
        under = (
            f"found broken under {len(broken)} of {len(those)} faults" if broken else "NOT found"
        )
        console.print(f"without {name}: {under}")
        for each in broken:
            pair = pair_id(each.part, each.kind)
            console.print(f"{pair}: {each.times} times: {each.what}", markup=False)
    for why in failed:
        console.print(f"came to nothing: {why}")


def _say(console: Console, about: str, broken: Sequence[Broken]) -> None:
    for each in broken:
        console.print(f"{about}: {each.claim}: {each.what}", markup=False)
