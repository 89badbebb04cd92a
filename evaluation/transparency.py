"""
``python -m evaluation.transparency``: what the log costs, and how long its proofs take.

The storing of deliveries is measured with and without the triggers in turns, in one run on one
PostgreSQL: the part of intake that pays for the log, without what the gateway does before it.
Proofs are taken from a log with many leaves. It ends with 1 where a goal is missed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated, NamedTuple
from uuid import uuid4

import sqlalchemy as sa
from cyclopts import App, Parameter
from pydantic import SecretStr

from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.logged import LOGGED
from cct_ops.models.alert import Alert, AlertStatus
from cct_ops.record import checkpoints, tree
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation import run_writes

MOST_OF_INTAKE = 0.05
MOST_OF_A_WAY_SECONDS = 0.01
MOST_FOR_A_PROOF_SECONDS = 0.1
_BODY = b"x" * 1500  # as long as Alertmanager's are
_PIECE = 10_000
_PROOFS = 200

app = App(help="Measure the transparency log.")


class Cost(NamedTuple):
    """Deliveries a second without the triggers, and with them, each in the median of its turns."""

    without: float
    with_log: float

    @property
    def share(self) -> float:
        """What the log takes of intake's throughput."""
        return 1 - self.with_log / self.without


@app.default
def main(
    *,
    turns: Annotated[int, Parameter(help="Of each kind, in alternation.")] = 30,
    batches: Annotated[int, Parameter(help="Transactions in a turn.")] = 40,
    batch: Annotated[int, Parameter(help="Deliveries in a transaction.")] = 20,
    runs: Annotated[int, Parameter(help="Of playbooks, in a turn.")] = 10,
    leaves: Annotated[int, Parameter(help="In the log whose proofs are taken.")] = 1_000_000,
) -> int:
    """Take about ten minutes on an idle machine; smaller numbers are faster."""
    with (
        tempfile.TemporaryDirectory(prefix="transparency-") as place,
        EmbeddedPostgres(Path(place)) as server,
    ):
        url = SecretStr(server.url("cct_ops"))
        migrate(url)
        engine = connect(url)
        added = ways(engine, turns, runs)  # first: it takes the only alert that is there
        cost = intake(engine, turns, batches, batch)
        _say(
            f"stored: {cost.without:.0f} deliveries a second without the log,"
            f" {cost.with_log:.0f} with it: {cost.share:.1%} less (goal: {MOST_OF_INTAKE:.0%})"
        )
        fill(engine, leaves)
        longest = 0.0
        for name, taken in proofs(engine, leaves).items():
            longest = max(longest, *taken)
            _say(
                f"{name} over {leaves} leaves: {statistics.median(taken) * 1000:.1f} ms in the"
                f" median, {max(taken) * 1000:.1f} at most"
                f" (goal: {MOST_FOR_A_PROOF_SECONDS * 1000:.0f})"
            )
        engine.dispose()
    return int(
        cost.share > MOST_OF_INTAKE
        or added > MOST_OF_A_WAY_SECONDS
        or longest > MOST_FOR_A_PROOF_SECONDS
    )


def intake(engine: sa.Engine, turns: int, batches: int, batch: int) -> Cost:
    """Measure how fast deliveries are stored, each turn beside one of the other kind."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for with_log in _palindrome(turns):
        _triggers(engine, "enable" if with_log else "disable")
        work = [_arriving(batch) for _ in range(batches)]
        began = time.perf_counter()
        for each in work:
            deliveries.record_all(engine, each)
        took[with_log].append(time.perf_counter() - began)
    _triggers(engine, "enable")
    stored = batches * batch
    return Cost(*(stored / statistics.median(took[with_log]) for with_log in (False, True)))


def ways(engine: sa.Engine, turns: int, runs: int) -> float:
    """Measure how many seconds the log adds to what a run writes, in the median."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for with_log in _palindrome(turns):
        _triggers(engine, "enable" if with_log else "disable")
        took[with_log] += [run_writes.way(engine) for _ in range(runs)]
    _triggers(engine, "enable")
    without, logged = (statistics.median(took[kind]) * 1000 for kind in (False, True))
    _say(
        f"what a run writes, in the median of {turns * runs}: {without:.1f} ms without the log,"
        f" {logged:.1f} with it: {logged - without:.1f} ms more"
        f" (goal: {MOST_OF_A_WAY_SECONDS * 1000:.0f})"
    )
    return (logged - without) / 1000


def _palindrome(turns: int) -> Iterator[bool]:
    """Yield so many turns of each kind: what gets slower with time counts for both alike."""
    for turn in range(2 * turns):
        yield turn % 4 in {1, 2}


def fill(engine: sa.Engine, leaves: int) -> None:
    """Give the log so many leaves."""
    edge: list[bytes] = []
    for begin in range(0, leaves, _PIECE):
        piece = [_leaf(at) for at in range(begin, min(begin + _PIECE, leaves))]
        hashes = [leaf.hash for leaf in piece]
        nodes = dict(tree.grown(begin, edge, hashes))
        known = dict(zip(tree.cover(0, begin), edge, strict=True)) | nodes
        known |= {(0, leaf.position): leaf.hash for leaf in piece}
        edge = [known[node] for node in tree.cover(0, begin + len(piece))]
        with engine.begin() as tx:
            log.add(tx, piece, nodes.items())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("vacuum analyze log_leaves, log_nodes"))


def proofs(engine: sa.Engine, leaves: int) -> dict[str, list[float]]:
    """Return how long proofs take that are right, by their kind, in seconds."""
    dice = Random(1)  # noqa: S311 -- the same leaves each time
    root = checkpoints.root(engine, leaves)

    def included() -> bool:
        at = dice.randrange(leaves)
        proof = _proven(engine, tree.inclusion(at, leaves))
        return tree.root_by_inclusion(at, leaves, _leaf(at).hash, proof) == root

    def consistent() -> bool:
        old = dice.randrange(1, leaves)
        before = checkpoints.root(engine, old)
        proof = _proven(engine, tree.consistency(old, leaves))
        return before is not None and tree.is_consistent(old, before, leaves, root or b"", proof)

    return {
        "proof of inclusion": list(_timed(included)),
        "proof of consistency": list(_timed(consistent)),
    }


def _timed(proof: Callable[[], bool]) -> Iterator[float]:
    for _ in range(_PROOFS):
        began = time.perf_counter()
        if not proof():
            raise AssertionError("a proof of the log is wrong")
        yield time.perf_counter() - began


def _proven(engine: sa.Engine, proof: Sequence[Sequence[tree.Node]]) -> list[bytes]:
    return tree.proven(proof, log.hashes(engine, tree.nodes_of(proof)).__getitem__)


def _leaf(position: int) -> Leaf:
    text = f'{{"entry":{position}}}'
    return Leaf(position, "measured", str(position), text, tree.leaf_hash(text.encode()))


def _arriving(count: int) -> list[Incoming]:
    alerts = [
        Alert(
            status=AlertStatus.FIRING,
            labels={"alertname": "CanaryRolledBack", "i": uuid4().hex},
            annotations={"summary": "pulled"},
            starts_at=datetime.now(UTC),
        )
        for _ in range(count)
    ]
    return [Incoming("alertmanager", _BODY + uuid4().bytes, [alert]) for alert in alerts]


def _triggers(engine: sa.Engine, what: str) -> None:
    with engine.begin() as tx:
        for logged in LOGGED:
            tx.execute(sa.text(f"alter table {logged.table} {what} trigger user"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
