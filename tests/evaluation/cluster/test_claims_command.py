"""What the command comes to that goes on to take protections away, where nothing is to be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cluster import claims, rounds
from evaluation.cluster.cluster import missing
from evaluation.cluster.results import Pair, add
from tests.evaluation.cluster.test_results import met, without

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")


@pytest.fixture
def hurt(monkeypatch: pytest.MonkeyPatch) -> list[Pair]:
    """The faults that would come over a cluster, which takes minutes."""
    seen: list[Pair] = []
    monkeypatch.setattr(rounds, "on_clusters", lambda _job, pairs: seen.extend(pairs))
    return seen


def go_on(file: Path) -> int:
    """Go on with two faults of Redis."""
    return claims.run(
        part=["redis"],
        fault=["restart", "kill"],
        file=file,
        go_on=True,
        without_="all",
        together=True,
    )


def test_a_fault_under_which_each_claim_was_found_broken_does_not_come_again(
    tmp_path: Path, hurt: list[Pair]
) -> None:
    add(tmp_path / "results.json", pairs=[met("restart"), met("kill -9")])
    pairs: list[Pair] = [("redis", "kill -9"), ("redis", "restart")]
    for number, pair in enumerate(pairs, 1):
        add(tmp_path / "results.json", without=[without("every run ends", pair, 1)])
        left = pairs[number:]
        assert go_on(tmp_path / "results.json") == (1 if left else 0)
        assert hurt == left
        hurt.clear()


def test_a_fault_that_was_never_met_is_named(
    tmp_path: Path, hurt: list[Pair], capsys: pytest.CaptureFixture[str]
) -> None:
    assert go_on(tmp_path / "results.json") == 1
    assert hurt == []
    assert "redis-restart: it was never met" in capsys.readouterr().err
