"""A ledger with a history that is logged, signed and witnessed, and hands that tamper with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.log_tables import log_checkpoints, log_leaves, log_nodes
from cct_ops.record import export, keys, tree
from cct_ops.record.audit import roots
from cct_ops.record.canonical import canonical
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.notes import Checkpoint, Signer
from tests.ledger.history import a_run, decided

BY_A_FILE = AuditPolicy(witnesses=(WitnessPlace(file=Path("witness.jsonl")),))
EDITED = {"switches": "reason", "decisions": "reason", "deliveries": "source"}


@dataclass(frozen=True)
class Recorded:
    """Where the log's key and its witness are."""

    engine: sa.Engine
    folder: Path
    audit: AuditPolicy

    @property
    def witness(self) -> Path:
        """The file that saw every checkpoint."""
        return self.folder / "witness.jsonl"

    @property
    def signer(self) -> Signer:
        """The log's key."""
        return keys.read_key(self.folder)

    def checkpoint(self) -> None:
        """Let a minute pass."""
        Recorder(self.engine, self.folder, self.audit)()


def recorded(
    engine: sa.Engine, folder: Path, audit: AuditPolicy = BY_A_FILE, rounds: int = 4
) -> Recorded:
    """Let things happen, with a checkpoint after each round."""
    keys.keep_key(folder)
    ours = Recorded(engine, folder, audit)
    for number in range(rounds):
        switches.stop(engine, f"reason {number}", "ada")
        deliveries.record(engine, "alertmanager", uuid4().bytes, [])
        decided(engine, a_run())
        switches.resume(engine, f"over {number}", "ada")
        ours.checkpoint()
    return ours


def exported(ours: Recorded, file: Path) -> bytes:
    """Export everything."""
    with ours.engine.connect() as connection:
        note, size, made = export.newest(connection)
        about = {"from": 0, "made": made}
        export.write(connection, file, ours.signer, note, range(size), about)
    return file.read_bytes()


def bypass(tx: sa.Connection) -> None:
    """Become who needs no trigger: the owner of the database."""
    tx.execute(sa.text("set local session_replication_role = replica"))


def stored(tx: sa.Connection) -> list[Leaf]:
    """Return the leaves as they stand."""
    return list(log.leaves(tx))


def rewrite(tx: sa.Connection, texts: Sequence[str], signer: Signer | None) -> None:
    """Write the log anew as if these had been its leaves, and sign its checkpoints anew."""
    sizes = set(tx.scalars(sa.select(log_checkpoints.c.size)))
    for table in (log_leaves, log_nodes):
        tx.execute(sa.delete(table))
    leaves = [_leaf(at, text) for at, text in enumerate(texts)]
    if leaves:
        log.add(tx, leaves, tree.grown(0, [], [leaf.hash for leaf in leaves]))
    if signer is not None:
        tx.execute(sa.delete(log_checkpoints))
        sizes = {size for size in sizes if size <= len(leaves)} | ({len(leaves)} - {0})
        for size, root in roots([leaf.hash for leaf in leaves], sizes):
            note = signer.sign(Checkpoint(signer.name, size, root).body())
            log.record_checkpoint(tx, size, note)


def _leaf(position: int, text: str) -> Leaf:
    said = json.loads(text)
    return Leaf(position, said["kind"], said["key"], text, tree.leaf_hash(text.encode()))


def edited(text: str, to: str) -> str:
    """Return a leaf that says something else."""
    said: dict[str, Any] = json.loads(text)
    column = EDITED[said["kind"]]
    said["row"][column] = to
    return canonical(said).decode()


def tamper(tx: sa.Connection, dice: Random, how: str, hands: str, signer: Signer) -> set[str]:
    """
    Do one thing that must be found; returns the places of which one must be named.

    ``hands`` hold the rows, also the log with all that follows from it, or also the key.
    """
    bypass(tx)
    leaves = stored(tx)
    texts = [leaf.leaf for leaf in leaves]
    at = dice.randrange(len(texts) - 1)
    leaf = leaves[at]
    names = {f"leaf {at}", f"{leaf.kind} {leaf.row_key}"}
    if how == "edit":
        word = f"edited {dice.random()}"
        _on_row(tx, leaf, "update {} set {} = :word", word=word)
        texts[at] = edited(texts[at], word)
    elif how == "delete":
        _on_row(tx, leaf, "delete from {}")
        del texts[at]
    elif how == "insert":
        made = tx.execute(
            sa.text(
                "insert into switches (stopped, reason, person) values (false, 'never', 'eve')"
                " returning id, cast(logged(switches) as text)"
            )
        ).one()
        said = {**json.loads(texts[at]), **json.loads(made[1]), "kind": "switches"}
        texts.insert(at, canonical({**said, "key": str(made[0]), "operation": "insert"}).decode())
        names = {f"leaf {at}", f"switches {made[0]}"}
    elif how == "swap":
        other = dice.choice([each for each in range(len(texts)) if each != at])
        texts[at], texts[other] = texts[other], texts[at]
        names |= {f"leaf {other}"}
        if hands == "rows":  # the tree is left as it was
            one, two = leaves[at], leaves[other]
            _put(tx, two._replace(position=one.position))
            _put(tx, one._replace(position=two.position))
    elif how == "truncate":
        for gone in leaves[at:]:
            _on_row(tx, gone, "delete from {}")
        del texts[at:]
    elif how == "older dump":
        _older(tx, leaves, dice)
        return {f"has {log.size(tx)}", "that is gone"}
    if hands != "rows":
        rewrite(tx, texts, signer if hands == "key" else None)
    return names


def strip(tx: sa.Connection, *sizes: int) -> None:
    """Take the cosignatures off some checkpoints."""
    for size, note in tx.execute(sa.select(log_checkpoints.c.size, log_checkpoints.c.note)).all():
        if size in sizes:
            bare = "\n".join(note.split("\n")[:5]) + "\n"
            at = log_checkpoints.c.size == size
            tx.execute(sa.update(log_checkpoints).where(at).values(note=bare))


def _older(tx: sa.Connection, leaves: Sequence[Leaf], dice: Random) -> None:
    """Put everything back as it was at one of the checkpoints before the last."""
    sizes = sorted(tx.scalars(sa.select(log_checkpoints.c.size)))
    size = dice.choice(sizes[:-1])
    for gone in leaves[size:]:
        _on_row(tx, gone, "delete from {}")
    tx.execute(sa.delete(log_leaves).where(log_leaves.c.position >= size))
    above = sa.text("delete from log_nodes where ((position + 1) << level) > :size")
    tx.execute(above, {"size": size})
    tx.execute(sa.delete(log_checkpoints).where(log_checkpoints.c.size > size))


def _put(tx: sa.Connection, leaf: Leaf) -> None:
    to = sa.update(log_leaves).where(log_leaves.c.position == leaf.position)
    tx.execute(to.values(leaf._asdict()))


def _on_row(tx: sa.Connection, leaf: Leaf, statement: str, **values: str) -> None:
    which = statement.format(leaf.kind, EDITED[leaf.kind]) + " where cast(id as text) = :key"
    assert tx.execute(sa.text(which), {"key": leaf.row_key, **values}).rowcount == 1
