"""Has checkpoints cosigned by a witness over HTTP, and finds out what it has cosigned."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from cct_ops.errors import ContractBroken, OpsError
from cct_ops.ledger.record import log, log_signatures
from cct_ops.ledger.statements import Ledger
from cct_ops.record import cosignatures, tree
from cct_ops.record.http_witness import DoesNotFollow, HasSeen, HttpWitness
from cct_ops.record.notes import Checkpoint

MOST_AT_ONCE = 1000


def cosign(engine: sa.Engine, witness: HttpWitness) -> bool:
    """
    Have every checkpoint cosigned that a witness has not seen, in order; returns if all are then.

    Raises ``ContractBroken`` where the log does not go on from what the witness has seen, and
    ``Unavailable`` and ``BadConfiguration`` where it cannot be had; the next call goes on where
    this one ended, and so it does after so many that nothing else should wait for the rest.
    """
    seen = log_signatures.newest_with(engine, witness.cosigner.mark) or 0
    notes = log_signatures.first_after(engine, seen, MOST_AT_ONCE)
    for note in notes:
        if Checkpoint.parse(note).size >= seen:
            seen = _cosigned(engine, witness, seen, note)
    return len(notes) < MOST_AT_ONCE


def goes_on(engine: sa.Engine, witness: HttpWitness) -> None:
    """Raise where the newest checkpoint does not go on from what a witness has cosigned."""
    note = log.newest_checkpoint(engine)
    if note is not None:
        _cosigned(engine, witness, Checkpoint.parse(note).size, note)


def problems(ledger: Ledger, witness: HttpWitness, notes: list[str]) -> Iterator[str]:
    """
    Yield what is wrong with a witness's cosignatures, and how they differ from what it has seen.

    It is asked for what it has cosigned before, so that its state stays as it is; one whose
    cosignature stands nowhere is shown the first checkpoint.
    """
    cosigner = witness.cosigner
    yield from cosignatures.problems(cosigner, notes)
    if not notes:  # a new log has none for a minute, and one that was emptied has none either
        yield f"no checkpoint is there to compare with what {witness.url} has cosigned"
        return
    bearing = [note for note in notes if cosigner.cosigned_at(note) is not None]
    note = bearing[-1] if bearing else notes[0]
    size = Checkpoint.parse(note).size
    try:
        witness.ask(size if bearing else 0, [], note)
    except HasSeen as seen:
        end = log.size(ledger)
        if seen.size > end:
            yield f"{witness.url} has cosigned {seen.size} leaves, and the log has {end}: {_OLDER}"
        elif seen.size == size:
            yield f"{witness.url} has cosigned another checkpoint over {size} leaves"
        else:
            yield (
                f"{witness.url} has cosigned the checkpoint over {seen.size} leaves, and its"
                " cosignature is gone"
            )
    except DoesNotFollow:
        yield f"{witness.url} does not cosign the checkpoint over {size} leaves again"
    except OpsError as error:
        yield f"not compared with what a witness has cosigned: {error}"


def _cosigned(engine: sa.Engine, witness: HttpWitness, seen: int, note: str) -> int:
    """Have one checkpoint cosigned; returns over how many leaves the witness has seen one then."""
    size = Checkpoint.parse(note).size
    try:
        try:
            line = witness.ask(seen, _proof(engine, seen, size), note)
        except HasSeen as other:
            if other.size > size:
                return _ahead(engine, witness, other.size)
            if other.size == seen:
                raise DoesNotFollow from None
            # it had cosigned, and a kill came before its answer was kept
            seen = other.size
            line = witness.ask(seen, _proof(engine, seen, size), note)
    except (DoesNotFollow, HasSeen):
        raise ContractBroken(
            f"the log in the ledger does not go on from the {seen} leaves that {witness.url} has"
            f" cosigned: it was changed, or is an older one. Nothing is signed: `{_VERIFY}` says"
            " what; after a restore begin a new log, as docs/life.md says"
        ) from None
    log_signatures.record_cosignature(engine, size, witness.cosigner.mark, line)
    return size


def _ahead(engine: sa.Engine, witness: HttpWitness, seen: int) -> int:
    """Return what a witness has seen that is ahead of a checkpoint; raises if of all of them."""
    if log_signatures.of_size(engine, seen) is None:
        raise ContractBroken(
            f"{witness.url} has cosigned {seen} leaves, of which the ledger has no checkpoint:"
            f" {_OLDER}. Nothing is signed: `{_VERIFY}` says what; after a restore begin a new log,"
            " as docs/life.md says"
        )
    return seen


def _proof(engine: sa.Engine, old: int, size: int) -> list[bytes]:
    if old in {0, size}:
        return []
    proof = tree.consistency(old, size)
    stored = log.hashes(engine, tree.nodes_of(proof))
    try:
        return tree.proven(proof, stored.__getitem__)
    except KeyError:
        raise ContractBroken(
            f"the log's tree over {size} leaves lacks nodes: `{_VERIFY}`"
        ) from None


_OLDER = "the newest are gone, or the database is an older one"
_VERIFY = "cct-ops audit verify"
