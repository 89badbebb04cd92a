"""The catalogue of faults, over a cluster whose parts are named and do not run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from evaluation.cluster import clocks, parts
from evaluation.cluster.cluster import HOSTS, Cluster, missing, named
from evaluation.cluster.disk import Disks, disks
from evaluation.cluster.faults import PAIRS, catalogue, draws, untested
from evaluation.cluster.member import Member
from evaluation.cluster.network import Addresses, Namespaces, Network

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
    pytest.mark.skipif(clocks.library() is None, reason="Debian's faketime is not installed"),
]


def whole(folder: Path, net: Network, *, disks: bool = True) -> Cluster:
    """A cluster of which nothing runs."""
    on = Disks(folder / "disks", limited=False)
    made = named(net, on, folder)
    for member in all_members(made):
        made.members[member.name] = member
    on.limited = disks
    return made


def all_members(made: Cluster) -> Iterator[Member]:
    yield from (made.databases.member(place) for place in (0, 1))
    yield from parts.helpers(made.places(), made.env)
    yield from parts.ours(made.places(), made.databases, made.env, made.servers_env)


def test_a_whole_cluster_can_suffer_each_pair_of_the_catalogue(tmp_path: Path) -> None:
    made = whole(tmp_path, Namespaces(HOSTS, 7))

    able = catalogue(made, Random(1))  # noqa: S311 -- faults, no secret

    assert {(each.part, each.kind) for each in able if each.part and each.kind} == set(PAIRS)
    assert len({each.name for each in able}) == len(able)
    assert all(each.seconds == 30 for each in able if each.kind == "pause 30 s")


def test_without_namespaces_and_mounts_nothing_is_cut_or_full_and_the_rest_is_there(
    tmp_path: Path,
) -> None:
    made = whole(tmp_path, Addresses(HOSTS, 7), disks=False)
    able = catalogue(made, Random(1))  # noqa: S311 -- faults, no secret

    able_pairs = {(each.part, each.kind) for each in able if each.part and each.kind}
    assert able_pairs == {pair for pair in PAIRS if pair[1] not in {"cut off", "disk full"}}
    assert set(untested(made)) >= {"cut", "full disk"}


def test_each_pair_is_drawn_once_before_any_comes_again_and_an_unknown_name_is_refused(
    tmp_path: Path,
) -> None:
    made, random = whole(tmp_path, Namespaces(HOSTS, 7)), Random(1)  # noqa: S311 -- no secret

    drawn = [each[:2] for each in islice(draws(made, random), 2 * len(PAIRS))]

    assert set(drawn) == {*PAIRS, (None, None)}
    first = [pair for pair in drawn[: len(PAIRS)] if pair != (None, None)]
    assert len(set(first)) == len(first)
    with pytest.raises(ValueError, match="no fault here is called 'kill -10'"):
        next(draws(made, random, "kill -10"))


def test_a_full_disk_takes_nothing_more_though_nothing_lies_on_it(tmp_path: Path) -> None:
    with disks(tmp_path / "disks") as on:
        if not on.limited:
            pytest.skip("nothing may be mounted here")
        disk = on.of("worker-1")
        on.fill("worker-1")
        with pytest.raises(OSError, match="No space left"):
            (disk / "file").touch()
        on.clear("worker-1")
        (disk / "file").write_text("there is room")
        assert list(disk.iterdir()) == [disk / "file"]
    assert list(disk.iterdir()) == []
