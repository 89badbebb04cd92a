"""A short form of the cluster's soak: what senders see while gateways and the primary are lost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from random import Random

import httpx
import pytest
from psycopg import OperationalError

from cct_ops.beside import beside
from evaluation.cluster.clocks import OFF_SECONDS, set_off, set_right
from evaluation.cluster.cluster import Cluster, cluster, missing
from evaluation.cluster.connections import Crowd, admit, refuse
from evaluation.cluster.episodes import Episodes
from evaluation.cluster.losses import lost_memories
from evaluation.cluster.member import Member
from evaluation.cluster.network import Addresses
from evaluation.cluster.probe import Probe
from evaluation.cluster.proxy import GATEWAY_PORT
from evaluation.cluster.work import Load, Work, sending
from tests.stack.polling import eventually

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]

# A sender waits for so long at most; Alertmanager gives each delivery the length of its interval.
LONGEST_SECONDS = 45.0


@pytest.fixture(scope="module")
def made() -> Iterator[Cluster]:
    """Two gateways on two hosts, nginx in front, and a primary with its standby."""
    with (
        tempfile.TemporaryDirectory(prefix="cct-ops-cluster-") as folder,
        cluster(Path(folder), kinds=frozenset({"gateway"})) as up,
    ):
        yield up


def test_senders_see_no_loss_of_a_gateway_or_of_the_primary_but_for_latency(made: Cluster) -> None:
    """Each is lost while twenty alerts a second come in; nothing is lost and nothing doubled."""
    probe, random = Probe(made.hook), Random(1)  # noqa: S311 -- a load, no secret
    work = Work(made, Episodes(made.sandbox, made.ledger(), 0.0, 0.25, random), probe)
    load = Load(per_second=20, every_seconds=0.0)
    one, two = made.members["gateway-1"], made.members["gateway-2"]

    with beside(probe.run), sending(work, load):
        settles(probe)
        loses(probe, one.kill, one)
        loses(probe, two.kill, two)
        if "cut" not in made.net.untested:
            made.net.cut("one", ["front"])
            settles(probe)
            made.net.heal("one")
        made.fail_over()
        settles(probe)
        made.follow_again()
        settles(probe)

    assert work.judge() == []
    (tally,) = work.tallies
    assert (tally.accepted, tally.given_up) == (tally.sent, 0)
    assert tally.sent > 20
    assert probe.longest_since(0.0) < LONGEST_SECONDS


def test_a_part_can_be_paused_slowed_and_brought_back(made: Cluster) -> None:
    member = made.members["gateway-1"]
    for hurt, heal in ((member.pause, member.resume), (member.slow, member.fast)):
        hurt()
        heal()
        eventually(member.is_well, seconds=60)
    if "host lost" not in made.net.untested:
        made.lose("three")  # where nothing runs: the others do not notice
    assert all(each.is_well() for each in made.members.values())


def test_a_part_is_refused_connections_and_its_server_has_none_left_until_it_is_over(
    made: Cluster,
) -> None:
    databases, user = made.databases, made.databases.role("gateway-1")
    refuse(databases, "gateway-1")
    with pytest.raises(OperationalError, match="too many connections for role"):
        databases.connect(databases.primary, user=user)
    admit(databases, "gateway-1")
    assert databases.answers(databases.primary, user)

    crowd = Crowd(databases)
    crowd.come()
    with pytest.raises(OperationalError, match="slots are reserved"):
        databases.connect(databases.primary, user=user)
    crowd.go()
    eventually(lambda: databases.answers(databases.primary, user), seconds=30)


def test_a_full_disk_a_wrong_clock_and_a_lost_memory_end(made: Cluster) -> None:
    redis, gateway = made.members["redis"], made.members["gateway-1"]
    if made.disks.limited:
        made.disks.fill("redis")
        with pytest.raises(OSError, match="No space left"):
            (made.disks.of("redis") / "more").write_text("more")
        made.disks.clear("redis")
        (made.disks.of("redis") / "more").write_text("more")
    set_off(gateway, OFF_SECONDS)
    eventually(gateway.is_well, seconds=60)
    assert abs(minutes_of(made) - 5) < 1
    set_right(gateway)
    (forgets,) = lost_memories(made, Random(1))  # noqa: S311 -- a fault, no secret
    forgets.begins()
    forgets.ends()
    eventually(lambda: redis.is_well() and gateway.is_well(), seconds=60)
    assert abs(minutes_of(made)) < 1


def minutes_of(made: Cluster) -> float:
    """How many minutes the first gateway is ahead, by the date of its answers."""
    url = f"http://{made.members['gateway-1'].host.address}:{GATEWAY_PORT}/healthz"
    said = parsedate_to_datetime(httpx.get(url, trust_env=False).headers["Date"])
    return (said - datetime.now(UTC)).total_seconds() / 60


def test_without_namespaces_it_says_what_cannot_be_tried() -> None:
    net = Addresses(["one", "two"], 7)

    assert len({host.address for host in net.hosts.values()}) == 2
    assert set(net.untested) == {"cut", "cut of a run", "slow link", "host lost"}
    with pytest.raises(NotImplementedError, match="one cannot be cut off from two"):
        net.cut("one", ["two"])


def loses(probe: Probe, lose: Callable[[], object], member: Member) -> None:
    """Lose a part, wait until senders do not notice, and start it again."""
    lose()
    settles(probe)
    member.start()
    eventually(member.is_well, seconds=120)


def settles(probe: Probe) -> None:
    """Wait until senders are answered at once."""
    began = time.monotonic()
    eventually(lambda: probe.is_quick_since(began), seconds=120)
