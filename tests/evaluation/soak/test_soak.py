"""Nothing lost and nothing twice, in a short form of what `make soak` does for long."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.soak import jobs
from evaluation.soak.load import Tally
from evaluation.soak.parts import Ledger
from evaluation.soak.report import Row, show


@pytest.fixture
def made(postgres: EmbeddedPostgres, ledger_url: SecretStr, tmp_path: Path) -> Ledger:
    """A ledger of this test's own."""
    return Ledger(postgres, tmp_path, ledger_url)


def test_a_gateway_that_is_killed_loses_nothing(made: Ledger) -> None:
    """Its sender repeats what was not answered, and what was answered is there."""
    row = jobs.kills(made, deliveries=300, times=2, things=200, per_second=100)

    assert (row.sent, row.accepted, row.runs) == (300, 300, 200)
    assert (row.lost, row.doubled) == (0, 0)


def test_two_gateways_with_the_same_alerts_open_each_once(made: Ledger) -> None:
    """However many senders bring them at the same moment."""
    row = jobs.same(made, copies=20, things=20)

    assert (row.accepted, row.runs, row.lost, row.doubled) == (400, 20, 0, 0)


def test_a_flood_is_stored_whole_beside_another_sender(made: Ledger) -> None:
    """Hundreds of alerts a second; every incident is there once."""
    row = jobs.flood(made, seconds=3, per_second=40, things=100)

    assert (row.accepted, row.runs, row.lost, row.doubled) == (120, 100, 0, 0)
    assert row.p99_ms < 4000


@pytest.mark.parametrize(("lost", "doubled", "good"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_the_totals_decide(lost: int, doubled: int, good: bool) -> None:
    """One line in the end says it all."""
    out = io.StringIO()
    row = Row.of("job", Tally(sent=5, accepted=5), runs=5, lost=lost, doubled=doubled)

    assert show([row, row], Console(file=out, width=200)) is good
    totals = f"total: sent 10, accepted 10, runs 10, lost {2 * lost}, doubled {2 * doubled}"
    assert out.getvalue().splitlines()[-1] == totals
