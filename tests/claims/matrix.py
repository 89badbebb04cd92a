"""
Claims and faults, with one file for each part in ``parts/`` that says what is tested and why not.

To add a test to a cell is one line there: its node id under the fault and the claim, and ``in``
before the phases of a run in which it meets the fault, if they matter. What the cluster is hurt by
needs no line: its cells follow from the catalogue of faults and the results of `make claims`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

from evaluation.cluster.faults import PAIRS
from evaluation.cluster.names import CLAIMS, KINDS, PART_NAMES, PHASES, Claim, Kind, PartName, Phase
from evaluation.cluster.results import Met, Results, pair_id, read
from tests.import_rules import ROOT

PARTS = Path(__file__).parent / "parts"
UNDER_FAULTS = "tests/claims/test_under_faults.py::test_all_claims_hold"
NOT_MET = "the cluster can be hurt so, and docs/claims-results.json has no result of it yet"
NOTHING_THERE = "when the cluster was hurt so last, nothing was under way that this claim is about"


class State(StrEnum):
    """What a cell can be."""

    TESTED = "tested"
    BROKEN = "found broken"
    UNTESTED = "untested"
    NO_SENSE = "makes no sense"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shown(_Strict):
    """A test that shows a claim, and in which phases of a run."""

    test: str
    phases: tuple[Phase, ...] = ()

    @property
    def file(self) -> str:
        """The file that it is in."""
        return self.test.partition("::")[0]


def _shown(text: object) -> object:
    """Read ``FILE::TEST in PHASE, PHASE``."""
    if not isinstance(text, str):
        return text
    test, _, phases = text.partition(" in ")
    return {"test": test, "phases": phases.split(", ") if phases else ()}


class Reason(_Strict):
    """Why cells have no test; without a list it is about every claim or every fault."""

    why: str
    claims: tuple[Claim, ...] = CLAIMS
    faults: tuple[Kind, ...] = KINDS

    def is_about(self, claim: Claim, fault: Kind) -> bool:
        """Whether the cell is one of those."""
        return claim in self.claims and fault in self.faults


class Part(_Strict):
    """One part, as its file says it."""

    key: PartName
    name: str
    about: str
    shown: dict[Kind, dict[Claim, tuple[Annotated[Shown, BeforeValidator(_shown)], ...]]] = {}
    no_sense: tuple[Reason, ...] = ()
    untested: tuple[Reason, ...] = ()


class Cell(NamedTuple):
    """
    One claim under one fault of one part: its tests, or why there are none.

    ``met`` is what the cluster came to under that fault, where something was there to be hurt, and
    ``has_failed`` whether its judge found the claim broken then once the protection was gone.
    """

    claim: Claim
    fault: Kind
    state: State
    tests: tuple[Shown, ...] = ()
    why: str = ""
    met: Met | None = None
    has_failed: bool = False


@cache
def parts() -> tuple[Part, ...]:
    """Return all parts in the order of the page."""
    return tuple(
        Part.model_validate({"key": name, **yaml.safe_load((PARTS / f"{name}.yaml").read_text())})
        for name in PART_NAMES
    )


def cells(part: Part, results: Results | None = None) -> Iterator[Cell]:
    """Yield each cell of a part, claim by claim; one that nothing is said of is an error."""
    known = results or read()
    for claim, fault in product(CLAIMS, KINDS):
        senseless = [each.why for each in part.no_sense if each.is_about(claim, fault)]
        tests = part.shown.get(fault, {}).get(claim, ())
        if tests and senseless:
            raise ValueError(f"{part.name}, {fault}, {claim}: tested, and it makes no sense")
        if senseless:
            yield Cell(claim, fault, State.NO_SENSE, why=senseless[0])
            continue
        hurts = (part.key, fault) in PAIRS
        met = known.pairs.get(pair_id(part.key, fault)) if hurts else None
        if met is not None and met.exposures.get(claim):
            broken = any(each.claim == claim for each in met.broken)
            state = State.BROKEN if broken else State.TESTED
            failed = known.has_failed(claim, met.pair)
            yield Cell(claim, fault, state, (*tests, _under_faults(met)), "", met, failed)
        elif tests:
            yield Cell(claim, fault, State.TESTED, tests)
        else:
            yield Cell(claim, fault, State.UNTESTED, why=_missing(part, claim, fault, hurts, met))


def _under_faults(met: Met) -> Shown:
    """Return the test that does on each day to a few pairs what `make claims` does to all."""
    phases = tuple(phase for phase in PHASES if met.phases.get(phase))
    return Shown(test=f"{UNDER_FAULTS}[{pair_id(*met.pair)}]", phases=phases)


def _missing(part: Part, claim: Claim, fault: Kind, hurts: bool, met: Met | None) -> str:
    """Say why a cell has no test."""
    if hurts:
        return NOT_MET if met is None else NOTHING_THERE
    missing = [each.why for each in part.untested if each.is_about(claim, fault)]
    if not missing:
        raise ValueError(f"{part.name}, {fault}, {claim}: neither a test nor a reason")
    return missing[0]


@cache
def names_of(file: str) -> frozenset[str]:
    """Return the names of the tests of a file, without importing it."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )
