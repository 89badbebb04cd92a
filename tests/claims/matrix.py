"""
Claims and faults, with one file for each part in ``parts/`` that says what is tested and why not.

To add a test to a cell is one line there: its node id under the fault and the claim, and ``in``
before the phases of a run in which it meets the fault, if they matter.
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

from evaluation.cluster.names import CLAIMS, KINDS, PART_NAMES, Claim, Kind, Phase
from tests.import_rules import ROOT

PARTS = Path(__file__).parent / "parts"


class State(StrEnum):
    """What a cell can be."""

    TESTED = "tested"
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

    name: str
    about: str
    shown: dict[Kind, dict[Claim, tuple[Annotated[Shown, BeforeValidator(_shown)], ...]]] = {}
    no_sense: tuple[Reason, ...] = ()
    untested: tuple[Reason, ...] = ()


class Cell(NamedTuple):
    """One claim under one fault of one part: its tests, or why there are none."""

    claim: Claim
    fault: Kind
    state: State
    tests: tuple[Shown, ...] = ()
    why: str = ""


@cache
def parts() -> tuple[Part, ...]:
    """Return all parts in the order of the page."""
    return tuple(
        Part.model_validate(yaml.safe_load((PARTS / f"{name}.yaml").read_text()))
        for name in PART_NAMES
    )


def cells(part: Part) -> Iterator[Cell]:
    """Yield each cell of a part, claim by claim; one that nothing is said of is an error."""
    for claim, fault in product(CLAIMS, KINDS):
        tests = part.shown.get(fault, {}).get(claim, ())
        senseless = [each.why for each in part.no_sense if each.is_about(claim, fault)]
        missing = [each.why for each in part.untested if each.is_about(claim, fault)]
        if tests and senseless:
            raise ValueError(f"{part.name}, {fault}, {claim}: tested, and it makes no sense")
        if tests:
            yield Cell(claim, fault, State.TESTED, tests)
        elif senseless:
            yield Cell(claim, fault, State.NO_SENSE, why=senseless[0])
        elif missing:
            yield Cell(claim, fault, State.UNTESTED, why=missing[0])
        else:
            raise ValueError(f"{part.name}, {fault}, {claim}: neither a test nor a reason")


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
