"""The matrix as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from string import ascii_lowercase

import mdformat

from evaluation.cluster.names import CLAIMS, KINDS
from tests.claims.matrix import Cell, Part, Shown, State, cells, parts


def counts() -> str:
    """Return how many cells are tested, in all and by part, in Markdown."""
    found = {part.name: Counter(cell.state for cell in cells(part)) for part in parts()}
    total = sum(found.values(), Counter[State]())
    rows = [
        [name, *(str(each[state]) for state in State), _percent(each)]
        for name, each in found.items()
    ]
    text = (
        f"Of {total.total()} cells **{total[State.TESTED]} are tested**,"
        f" {total[State.UNTESTED]} are untested, and {total[State.NO_SENSE]} make no sense:"
        f" **{_percent(total)}** of those that make sense are tested."
    )
    table = _table(["Part", *State, "tested of those that make sense"], rows)
    return _formatted([text, table])


def matrix() -> str:
    """Return a section for each part in Markdown."""
    return _formatted(block for part in parts() for block in _section(part))


def _section(part: Part) -> list[str]:
    """Return heading, table and the notes that the table refers to."""
    all_cells = list(cells(part))
    tests = list(dict.fromkeys(test for cell in all_cells for test in cell.tests))
    reasons = {
        state: list(dict.fromkeys(cell.why for cell in all_cells if cell.state is state))
        for state in (State.UNTESTED, State.NO_SENSE)
    }

    def shown(cell: Cell) -> str:
        if cell.state is State.TESTED:
            numbers = sorted(tests.index(test) + 1 for test in cell.tests)
            return f"**test {', '.join(map(str, numbers))}**"
        letter = ascii_lowercase[reasons[cell.state].index(cell.why)]
        return f"untested: {letter}" if cell.state is State.UNTESTED else f"no sense: {letter}"

    rows = [
        [claim, *(shown(cell) for cell in all_cells if cell.claim == claim)] for claim in CLAIMS
    ]
    blocks = [f"## {part.name[0].upper()}{part.name[1:]}", part.about, _table(["", *KINDS], rows)]
    if tests:
        lines = [f"{number}. {_named(test)}" for number, test in enumerate(tests, start=1)]
        blocks += ["Tests, and the phases of a run in which they meet the fault:", "\n".join(lines)]
    for state, whys in reasons.items():
        lines = [f"- {ascii_lowercase[number]}: {why}" for number, why in enumerate(whys)]
        if whys:
            blocks += [f"{str(state).capitalize()}:", "\n".join(lines)]
    return blocks


def _named(test: Shown) -> str:
    phases = f", {', '.join(test.phases)}" if test.phases else ""
    return f"[`{test.test}`](../{test.file}){phases}"


def _percent(found: Counter[State]) -> str:
    sensible = found[State.TESTED] + found[State.UNTESTED]
    return f"{100 * found[State.TESTED] / sensible:.0f} %"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["--"] * len(lines[0]), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _formatted(blocks: Iterable[str]) -> str:
    options = {"wrap": 120, "number": True, "plugin": {"tables": {"compact_tables": True}}}
    return mdformat.text("\n\n".join(blocks), options=options, extensions={"gfm"}).strip()
