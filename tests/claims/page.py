"""The matrix as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from string import ascii_lowercase

import mdformat

from evaluation.cluster.names import CLAIMS, KINDS, Claim
from evaluation.cluster.protections import PROTECTIONS
from evaluation.cluster.results import Met, read
from tests.claims.matrix import UNDER_FAULTS, Cell, Part, Shown, State, cells, parts


def counts() -> str:
    """Return how many cells are tested, in all and by part, in Markdown."""
    by_part = {part.name: list(cells(part)) for part in parts()}
    found = {name: Counter(cell.state for cell in those) for name, those in by_part.items()}
    total = sum(found.values(), Counter[State]())
    rows = [
        [name, *(str(each[state]) for state in State), _percent(each)]
        for name, each in found.items()
    ]
    all_cells = [cell for those in by_part.values() for cell in those]
    met = sum(cell.met is not None for cell in all_cells)
    failed = sum(cell.has_failed for cell in all_cells)
    text = (
        f"Of {total.total()} cells **{total[State.TESTED]} are tested**,"
        f" {total[State.BROKEN]} are tested and were found broken the last time,"
        f" {total[State.UNTESTED]} are untested, and {total[State.NO_SENSE]} make no sense:"
        f" **{_percent(total)}** of those that make sense are tested."
        f" {met} of them are tested on the cluster, and {failed} of these were seen to fail there"
        " without the protection of their claim."
    )
    table = _table(["Part", *State, "tested of those that make sense"], rows)
    return _formatted([text, table])


def matrix() -> str:
    """Return a section for each part in Markdown."""
    return _formatted(block for part in parts() for block in _section(part))


def protections() -> str:
    """Return in Markdown which protections were taken away, and what the judge found then."""
    known = read().without.values()
    rows = []
    for each in PROTECTIONS:
        tried = [one for one in known if one.protection == each.name]
        seen = sum(one.times > 0 for one in tried)
        under = f"{seen} of {len(tried)} faults" if tried else "not tried yet"
        rows.append([each.claim, each.name, under, str(sum(one.times for one in tried))])
    return _formatted([_table(["Claim", "Taken away", "Found broken under", "Times"], rows)])


def _section(part: Part) -> list[str]:
    """Return heading, table and the notes that the table refers to."""
    all_cells = list(cells(part))
    tests = {
        test: cell.met if test.file == UNDER_FAULTS.partition("::")[0] else None
        for cell in all_cells
        for test in cell.tests
    }
    numbers = {test: number for number, test in enumerate(tests, start=1)}
    reasons = {
        state: list(dict.fromkeys(cell.why for cell in all_cells if cell.state is state))
        for state in (State.UNTESTED, State.NO_SENSE)
    }

    def shown(cell: Cell) -> str:
        if cell.tests:
            named = ", ".join(map(str, sorted(numbers[test] for test in cell.tests)))
            figures = f" ({_figures(cell.claim, cell.met)})" if cell.met else ""
            figures += " †" if cell.has_failed else ""
            broken = "**found broken**: " if cell.state is State.BROKEN else ""
            return f"{broken}**test {named}**{figures}"
        letter = ascii_lowercase[reasons[cell.state].index(cell.why)]
        return f"untested: {letter}" if cell.state is State.UNTESTED else f"no sense: {letter}"

    rows = [
        [claim, *(shown(cell) for cell in all_cells if cell.claim == claim)] for claim in CLAIMS
    ]
    blocks = [f"## {part.name[0].upper()}{part.name[1:]}", part.about, _table(["", *KINDS], rows)]
    if tests:
        lines = [f"{number}. {_named(test, tests[test])}" for test, number in numbers.items()]
        blocks += ["Tests, and the phases of a run in which they meet the fault:", "\n".join(lines)]
    if broken := _broken(all_cells):
        blocks += ["Found broken the last time:", "\n".join(broken)]
    for state, whys in reasons.items():
        lines = [f"- {ascii_lowercase[number]}: {why}" for number, why in enumerate(whys)]
        if whys:
            blocks += [f"{str(state).capitalize()}:", "\n".join(lines)]
    return blocks


def _figures(claim: Claim, met: Met) -> str:
    """Say after how many seconds all was well, and how much there was to be hurt."""
    well = "never" if met.recovery_seconds is None else f"{met.recovery_seconds:.0f} s"
    return f"{well}, {met.exposures[claim]}"


def _named(test: Shown, met: Met | None) -> str:
    link = f"[`{test.test}`](../{test.file})"
    if met is None:
        return f"{link}, {', '.join(test.phases)}" if test.phases else link
    phases = ", ".join(f"{phase} {met.phases[phase]}" for phase in test.phases)
    return f"{link}, {met.fault}, on {met.day} at `{met.revision}`" + (phases and f": {phases}")


def _broken(all_cells: Iterable[Cell]) -> list[str]:
    return [
        f"- {cell.fault}, {cell.claim}: {each.what}"
        for cell in all_cells
        if cell.met is not None
        for each in cell.met.broken
        if each.claim == cell.claim
    ]


def _percent(found: Counter[State]) -> str:
    tested = found[State.TESTED] + found[State.BROKEN]
    return f"{100 * tested / (tested + found[State.UNTESTED]):.0f} %"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["--"] * len(lines[0]), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _formatted(blocks: Iterable[str]) -> str:
    options = {"wrap": 120, "number": True, "plugin": {"tables": {"compact_tables": True}}}
    return mdformat.text("\n\n".join(blocks), options=options, extensions={"gfm"}).strip()
