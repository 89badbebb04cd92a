"""The results of the last run of each pair, in one file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from evaluation.cluster.faults import PAIRS
from evaluation.cluster.names import CLAIMS, Claim, Kind
from evaluation.cluster.results import Met, Pair, Results, Without, add, pair_id, read


def met(kind: Kind, revision: str = "abc") -> Met:
    """Return a result in which nothing broke."""
    return Met(
        part="redis",
        kind=kind,
        fault=f"{kind} redis",
        day=date(2026, 1, 1),
        revision=revision,
        seed=1,
        lasted_seconds=3,
        recovery_seconds=None,
        longest_answer_seconds=0.5,
        phases={"looking": 2},
        exposures={"every run ends": 4},
    )


def without(claim: Claim, pair: Pair, times: int) -> Without:
    """Return how often a claim was found broken without its protection."""
    part, kind = pair
    return Without(
        protection="what protects it",
        claim=claim,
        part=part,
        kind=kind,
        day=date(2026, 1, 1),
        revision="abc",
        times=times,
    )


def test_each_pair_has_a_name_of_its_own() -> None:
    assert len({pair_id(*pair) for pair in PAIRS}) == len(PAIRS)
    assert pair_id("prefect_api", "pause 30 s") == "prefect-api-pause-30-s"
    assert pair_id("cct", "clock ±5 min") == "cct-clock-5-min"


def test_new_results_take_the_place_of_older_ones_and_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read(file) == Results()

    add(file, pairs=[met("restart"), met("kill -9")])
    add(file, pairs=[met("restart", "def")])

    known = read(file)
    assert known.has(("redis", "restart"), "def")
    assert not known.has(("redis", "restart"), "abc")
    assert known.has(("redis", "kill -9"), "abc")
    assert not known.has(("redis", "cut off"), "abc")
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_claim_has_failed_only_where_it_was_found_broken(tmp_path: Path) -> None:
    def doubled(times: int) -> Without:
        return without("none doubled", ("cct", "cut off"), times)

    add(tmp_path / "results.json", without=[doubled(0)])
    assert not read(tmp_path / "results.json").has_failed("none doubled", ("cct", "cut off"))
    assert [*read(tmp_path / "results.json").without] == ["what protects it, cct-cut-off"]

    add(tmp_path / "results.json", without=[doubled(2)])
    known = read(tmp_path / "results.json")
    assert known.has_failed("none doubled", ("cct", "cut off"))
    assert not known.has_failed("no alert lost", ("cct", "cut off"))
    assert not known.has_failed("none doubled", ("cct", "pause 30 s"))

    add(tmp_path / "results.json", without=[doubled(0)])
    assert read(tmp_path / "results.json").has_failed("none doubled", ("cct", "cut off"))


def test_a_claim_that_was_put_to_the_proof_and_never_failed_is_counted(tmp_path: Path) -> None:
    put = {"none doubled": 3, "every run ends": 1, "no alert lost": 0}
    add(tmp_path / "results.json", pairs=[met("restart").model_copy(update={"exposures": put})])
    pair: Pair = ("redis", "restart")
    assert read(tmp_path / "results.json").never_failed(pair, CLAIMS) == 2
    assert read(tmp_path / "results.json").never_failed(pair, ["none doubled"]) == 1
    assert read(tmp_path / "results.json").never_failed(("redis", "kill -9"), CLAIMS) == 0

    add(tmp_path / "results.json", without=[without("every run ends", pair, 1)])
    assert read(tmp_path / "results.json").never_failed(pair, CLAIMS) == 1
