"""What each part met under each fault the last time, in a file of the repository."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from evaluation.cluster.names import Claim, Kind, PartName, Phase
from evaluation.soak.parts import ROOT

RESULTS = ROOT / "docs" / "claims-results.json"
_PAGE = ROOT / "docs" / "claims.md"
_NO_GIT = "unknown"

Pair = tuple[PartName, Kind]


def pair_id(part: PartName, kind: Kind) -> str:
    """Return the name of a pair as tests and results have it: ``redis-pause-30-s``."""
    return re.sub(r"[^a-z0-9]+", "-", f"{part} {kind}".replace("±", "").lower())


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Broken(_Strict):
    """A claim that did not hold, and what was seen of it."""

    claim: Claim
    what: str


class Met(_Strict):
    """
    One part under one fault, once.

    ``recovery_seconds`` are those from the end of the fault until all was well, and None where that
    did not come. ``exposures`` say for each claim how much of what it is about the fault could have
    hurt: a claim without any was not put to the proof.
    """

    part: PartName
    kind: Kind
    fault: str
    day: date
    revision: str
    seed: int
    lasted_seconds: float
    recovery_seconds: float | None
    longest_answer_seconds: float
    phases: dict[Phase, int]
    exposures: dict[Claim, int]
    broken: tuple[Broken, ...] = ()

    @property
    def pair(self) -> Pair:
        """The part and what was done to it."""
        return self.part, self.kind


class Without(_Strict):
    """
    How many times a claim was found broken under a fault once its protection was taken away.

    ``what`` is the first of what was seen of it, and empty where nothing was.
    """

    protection: str
    claim: Claim
    part: PartName
    kind: Kind
    day: date
    revision: str
    times: int
    what: str = ""


class Results(_Strict):
    """All that is known, by the names of pairs and of protections."""

    pairs: dict[str, Met] = {}
    without: dict[str, Without] = {}

    def has(self, pair: Pair, revision: str) -> bool:
        """Say whether the pair was met at this revision."""
        known = self.pairs.get(pair_id(*pair))
        return known is not None and known.revision == revision

    def has_failed(self, claim: Claim, pair: Pair) -> bool:
        """Say whether the claim was found broken under this fault without its protection."""
        found = (each for each in self.without.values() if (each.part, each.kind) == pair)
        return any(each.times for each in found if each.claim == claim)

    def never_failed(self, pair: Pair, claims: Collection[Claim]) -> int:
        """Return how many of these were put to the proof there, and not found broken so far."""
        met = self.pairs.get(pair_id(*pair))
        proven = [claim for claim in claims if met is not None and met.exposures.get(claim)]
        return sum(not self.has_failed(claim, pair) for claim in proven)


def read(path: Path = RESULTS) -> Results:
    """Read the results; those of a file that is not there are none."""
    return Results.model_validate_json(path.read_bytes()) if path.is_file() else Results()


def add(path: Path, *, pairs: Sequence[Met] = (), without: Sequence[Without] = ()) -> None:
    """
    Put these in the place of older ones, in one step that cannot be cut in half.

    What was found without a protection stays found, as long as that has its name.
    """
    known = read(path)
    met = known.pairs | {pair_id(*each.pair): each for each in pairs}
    found = {name: each for name, each in known.without.items() if each.times}
    new = {_named(each): each for each in without}
    seen = known.without | {k: v for k, v in new.items() if v.times or k not in found}
    whole = Results(pairs=dict(sorted(met.items())), without=dict(sorted(seen.items())))
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(whole.model_dump_json(indent=1) + "\n")
    beside.replace(path)


def _named(each: Without) -> str:
    return f"{each.protection}, {pair_id(each.part, each.kind)}"


def revision() -> str:
    """Return the commit that this tree is at, with a `+` where what is run was changed since."""
    ours = [f":!{path.relative_to(ROOT)}" for path in (RESULTS, _PAGE)]  # written by each run
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *ours)
        return _git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return _NO_GIT


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 -- words of our own
        ["git", *words],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
