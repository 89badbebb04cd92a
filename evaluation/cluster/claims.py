"""``python -m evaluation.cluster.claims``: every part hurt in every way, and all claims judged."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from evaluation.cluster import faults, protections, results, tables
from evaluation.cluster.cluster import missing
from evaluation.cluster.names import KINDS, PART_NAMES, Kind, PartName
from evaluation.cluster.protections import Protection
from evaluation.cluster.results import Pair, pair_id
from evaluation.cluster.rounds import Round, on_clusters, without, without_any
from evaluation.cluster.stopping import stopped_by_signals
from evaluation.cluster.work import Load

app = App(name="claims", result_action="return_value")


@app.default
def run(  # noqa: PLR0913 -- what can be said on the command line
    *,
    part: Annotated[list[PartName] | None, Parameter(help="A part to hurt; else all.")] = None,
    fault: Annotated[list[str] | None, Parameter(help="A kind, or how it begins.")] = None,
    seed: Annotated[int, Parameter(help="Decides which of several processes is hurt.")] = 1,
    per_second: Annotated[float, Parameter(help="Alerts.")] = 10,
    every: Annotated[float, Parameter(help="Seconds between incidents for a playbook.")] = 2,
    file: Annotated[Path, Parameter(name="--results")] = results.RESULTS,
    go_on: Annotated[
        bool,
        Parameter(
            name="--continue",
            negative="",
            help="Leave out what this revision has, or where each claim that was put to the proof"
            " was found broken.",
        ),
    ] = False,
    without_: Annotated[
        str, Parameter(name="--without", help="A protection to take away, or `all`.")
    ] = "",
    together: Annotated[
        bool, Parameter(negative="", help="Take away at once what is taken away.")
    ] = False,
    logs: Annotated[Path | None, Parameter(help="A folder that is kept; else none is.")] = None,
) -> int:
    """Hurt each part in each way, one after the other; write what came of it into the results."""
    if lacking := missing():
        sys.stderr.write(f"claims: not installed: {', '.join(lacking)}\n")
        return 2
    try:
        kinds, away = _kinds(fault or []), protections.named(without_)
    except ValueError as wrong:
        sys.stderr.write(f"claims: {wrong}\n")
        return 2
    pairs = [
        pair
        for pair in faults.PAIRS
        if pair[0] in (part or PART_NAMES) and pair[1] in (kinds or KINDS)
    ]
    if (together and not away) or (away and go_on and not together):
        sys.stderr.write(
            "claims: `--together` says how protections are taken away: `--without`;"
            " `--continue` goes with both of them, or with none\n"
        )
        return 2
    if not pairs or not os.access(file.parent, os.W_OK):
        wrong_place = f"nothing can be written into {file.parent}"
        nothing = "the catalogue of faults has none of that for these parts"
        sys.stderr.write(f"claims: {wrong_place if pairs else nothing}\n")
        return 2
    with ExitStack() as stack:
        if logs is None:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cct-ops-claims-")))
        stop = stack.enter_context(stopped_by_signals())
        job = Round(seed, file, logs, Load(per_second, every), stop)
        if away:
            if go_on:
                shown = _go_on_without(job, away, pairs)
            else:
                each_by_its_own = pairs if part or fault else []
                shown = _without(job, away, pairs if together else each_by_its_own, together)
            tables.show_without(job.seen, job.failed)
            return 0 if shown and not job.failed else 1
        if go_on:
            known = results.read(file)
            pairs = [pair for pair in pairs if not known.has(pair, job.revision)]
        left = on_clusters(job, pairs)
    tables.show(job.met, job.failed, left)
    sound = all(not each.broken and each.recovery_seconds is not None for each in job.met)
    return 0 if sound and not job.failed and not left else 1


def _without(job: Round, away: Sequence[Protection], pairs: Sequence[Pair], together: bool) -> bool:
    """Hurt these, and say whether each claim was found broken at all."""
    (without_any if together else without)(job, away, pairs)
    return {each.protection for each in job.seen if each.times} == {each.name for each in away}


def _go_on_without(job: Round, away: Sequence[Protection], pairs: Sequence[Pair]) -> bool:
    """
    Hurt where a claim was not found broken so far, most such claims first; true if none stay.

    Of a fault that was never met nothing is known, and nothing is done about it.
    """
    claims, known = {each.claim for each in away}, results.read(job.file)
    for name in (pair_id(*pair) for pair in pairs):
        if name not in known.pairs:
            job.fails(name, "it was never met: begin with `make claims` without more")
    lacking = {pair: number for pair in pairs if (number := known.never_failed(pair, claims))}
    without_any(job, away, sorted(lacking, key=lambda pair: lacking[pair], reverse=True))
    known = results.read(job.file)
    return not any(known.never_failed(pair, claims) for pair in lacking)


def _kinds(given: list[str]) -> list[Kind]:
    """Return the kinds that begin like this."""
    found = list[Kind]()
    for words in given:
        fitting = [kind for kind in KINDS if kind.startswith(words)]
        if not fitting:
            raise ValueError(f"no fault is called {words!r}; there are: {', '.join(KINDS)}")
        found += fitting
    return found


if __name__ == "__main__":
    sys.exit(app())
