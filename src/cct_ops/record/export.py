"""
An export: one file that proves itself, for whoever has the log's public key.

It is JSON Lines. First the manifest, a signed note over the digest of all that follows; then the
checkpoint; then each leaf with the hashes that prove its place in the tree of the checkpoint.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.record import log, log_signatures
from cct_ops.record import tree
from cct_ops.record.canonical import canonical
from cct_ops.record.notes import Checkpoint, Signer

MANIFEST = "cct-ops audit export 1"
"""The first line of a manifest, so that its signature is good for nothing else."""

_BATCH = 500


def newest(connection: sa.Connection) -> tuple[str, int, str]:
    """
    Return the newest checkpoint, over how many leaves it is, and the moment before it was read.

    Raises ``BadConfiguration`` where there is none.
    """
    made = log.moment(connection)
    note = log.newest_checkpoint(connection)
    if note is None:
        raise BadConfiguration(
            "the log has no checkpoint yet: the controller signs one within a minute after"
            " something came in, if CCT_OPS_RECORD_PATH names the folder of its key"
        )
    return note, Checkpoint.parse(note).size, made


def write(
    connection: sa.Connection,
    file: Path,
    signer: Signer,
    note: str,
    positions: Sequence[int],
    about: dict[str, Any],
) -> None:
    """
    Write these leaves with their proofs; ``about`` says which they are, in the manifest, and when.

    Where it has ``from``, they are all leaves from that place on to the end of the checkpoint; else
    it has their ``positions``. ``made`` shows whether a witness had seen more by then.
    """
    size = Checkpoint.parse(note).size
    lines = [_line({"checkpoint": note, **_time_stamp(connection, size)})]
    for begin in range(0, len(positions), _BATCH):
        lines += _leaves(connection, positions[begin : begin + _BATCH], size)
    rest = "".join(lines).encode()
    content = canonical({**about, "leaves": len(positions), "size": size}).decode()
    digest = hashlib.sha256(rest).hexdigest()
    manifest = signer.sign(f"{MANIFEST}\n{digest}\n{content}\n")
    file.write_bytes(_line({"manifest": manifest}).encode() + rest)


def _time_stamp(connection: sa.Connection, size: int) -> dict[str, Any]:
    """Return the last time stamp, its checkpoint, and the proof that this one goes on from it."""
    stamp = log_signatures.newest_time_stamp(connection)
    note = None if stamp is None else log_signatures.of_size(connection, stamp.size)
    if stamp is None or note is None or stamp.size > size:
        return {}
    proof = tree.consistency(stamp.size, size)
    stored = log.hashes(connection, tree.nodes_of(proof))
    hashes = tree.proven(proof, stored.__getitem__)
    said = {
        "checkpoint": note,
        "proof": [base64.b64encode(each).decode() for each in hashes],
        "response": base64.b64encode(stamp.response).decode(),
    }
    return {"time_stamp": said}


def _leaves(connection: sa.Connection, positions: Sequence[int], size: int) -> list[str]:
    proofs = {at: tree.inclusion(at, size) for at in positions}
    stored = log.hashes(
        connection, set().union(*(tree.nodes_of(proof) for proof in proofs.values()))
    )
    leaves = {leaf.position: leaf for leaf in log.leaves_at(connection, positions)}
    return [
        _line(
            {
                "leaf": leaves[at].leaf,
                "position": at,
                "proof": [
                    base64.b64encode(value).decode()
                    for value in tree.proven(proofs[at], stored.__getitem__)
                ],
            }
        )
        for at in positions
    ]


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
