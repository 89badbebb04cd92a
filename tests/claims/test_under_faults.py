"""
Every claim under a few faults, on the whole cluster: other ones each day, all with `CLAIMS=all`.

`make claims` does it to all of them in one go, and writes down what the page shows.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import pytest

from evaluation.cluster.cluster import missing
from evaluation.cluster.faults import PAIRS
from evaluation.cluster.results import Pair, pair_id
from evaluation.cluster.rounds import Round, on_clusters
from evaluation.cluster.work import Load

PAIRS_A_DAY = 1
DRAIN_SECONDS = 600.0  # a busy machine takes its time, and a run that never ends takes for ever
DAY = date.fromisoformat(os.environ["CLAIMS_DAY"])  # that of the processes that share the tests


def of_day(day: date) -> list[Pair]:
    """Return the pairs of a day: all have had their turn before the first comes again."""
    pairs = list(PAIRS)
    Random(len(pairs)).shuffle(pairs)  # noqa: S311 -- an order, no secret
    first = day.toordinal() * PAIRS_A_DAY
    return [pairs[(first + place) % len(pairs)] for place in range(PAIRS_A_DAY)]


TODAY = PAIRS if os.environ.get("CLAIMS") == "all" else of_day(DAY)


@pytest.fixture(scope="module")
def job() -> Iterator[Round]:
    """Hurt a whole cluster in each of today's ways, one after the other, and judge it once."""
    with tempfile.TemporaryDirectory(prefix="cct-ops-claims-") as folder:
        logs = Path(folder)
        made = Round(
            seed=DAY.toordinal(),
            file=logs / "results.json",
            logs=logs,
            load=Load(per_second=10, every_seconds=2),
            stop=threading.Event(),
            drain_seconds=DRAIN_SECONDS,
        )
        on_clusters(made, TODAY)
        yield made


@pytest.mark.timeout(3600 if TODAY is PAIRS else 1500)
@pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")
@pytest.mark.parametrize("pair", TODAY, ids=lambda pair: pair_id(*pair))
def test_all_claims_hold(pair: Pair, job: Round) -> None:
    if pair in job.impossible:
        pytest.skip(f"cannot be done here: {pair_id(*pair)}")
    (met,) = [each for each in job.met if each.pair == pair]

    assert met.broken == ()
    assert any(met.exposures.values())


def test_each_pair_has_its_day() -> None:
    days = range(-(-len(PAIRS) // PAIRS_A_DAY))

    assert {pair for day in days for pair in of_day(date.fromordinal(739000 + day))} == set(PAIRS)
