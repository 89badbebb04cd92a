"""Signs the state of the log, and shows it to every witness that policy names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError, Unavailable
from cct_ops.ledger.record import log, log_signatures
from cct_ops.ledger.statements import Ledger
from cct_ops.record import cosigning, http_witness, tree, witness
from cct_ops.record.keys import read_key
from cct_ops.record.notes import Checkpoint
from cct_ops.record.sequencer import sequence


@dataclass(frozen=True)
class Recorder:
    """Makes leaves of what waits and signs them; without a folder for the key it signs nothing."""

    engine: sa.Engine
    folder: Path | None
    audit: AuditPolicy

    def __call__(self) -> None:
        """
        Bring log, checkpoints and witnesses up to date.

        Raises ``ContractBroken``, and signs nothing, where the log does not go on from what a
        witness has seen: somebody has changed the database, or put back an older one. A witness
        that cannot be reached holds up neither the log nor the others; what is wrong with it is
        raised at the end.
        """
        sequence(self.engine)
        if self.folder is None:
            return
        late: list[OpsError] = []
        places = witness.places(self.audit, self.folder)
        for place in places:
            with _noted(late), witness.appending(place.file) as writer:
                goes_on(self.engine, place.file, writer.newest())
        asked = []
        with _noted(late):
            asked = http_witness.witnesses(self.audit)
        if not _is_signed(self.engine):
            for each in asked:
                with _noted(late):
                    if cosigning.cosign(self.engine, each):
                        cosigning.goes_on(self.engine, each)
        checkpoint(self.engine, self.folder)
        for place in places:
            with _noted(late):
                with witness.appending(place.file) as writer:
                    show(self.engine, place.file, writer)
                place.publish()
        for each in asked:
            with _noted(late):
                cosigning.cosign(self.engine, each)
        with _noted(late):
            self._stamp()
        if late:
            raise late[0]

    def _stamp(self) -> None:
        """Have the newest checkpoint stamped, if it is time for that."""
        named, note = self.audit.time_stamps, log.newest_checkpoint(self.engine)
        if named is None or note is None:
            return
        size, last = Checkpoint.parse(note).size, log_signatures.newest_time_stamp(self.engine)
        if last is not None and last.size == size:
            return
        if log_signatures.is_stamped_since(self.engine, named.every_minutes):
            return
        from cct_ops.record import time_stamps

        authority = time_stamps.authority(named, self.folder)
        stamp = log_signatures.TimeStamp(size, authority.stamp(note))
        log_signatures.record_time_stamp(self.engine, stamp)


@contextmanager
def _noted(late: list[OpsError]) -> Iterator[None]:
    """Keep what is wrong with one witness for the end."""
    try:
        yield
    except (BadConfiguration, Unavailable) as error:
        late.append(error)


def root(ledger: Ledger, size: int) -> bytes | None:
    """Return the root over the first leaves; None where the log lacks some of them."""
    wanted = tree.cover(0, size)
    stored = log.hashes(ledger, wanted)
    if len(stored) < len(wanted):
        return None
    return tree.fold([stored[node] for node in wanted])


def _is_signed(engine: sa.Engine) -> bool:
    """Say whether the newest checkpoint is over all leaves."""
    newest = log.newest_checkpoint(engine)
    return log.size(engine) == (0 if newest is None else Checkpoint.parse(newest).size)


def checkpoint(engine: sa.Engine, folder: Path) -> None:
    """Sign the log as it is now, unless that was done before."""
    signer = read_key(folder)
    with engine.begin() as tx:
        if not log.sequencing(tx):
            return
        size, newest = log.size(tx), log.newest_checkpoint(tx)
        if size == (0 if newest is None else Checkpoint.parse(newest).size):
            return
        over = root(tx, size)
        if over is None:
            raise ContractBroken(f"the log's tree over {size} leaves lacks nodes: `{_VERIFY}`")
        signed = signer.sign(Checkpoint(signer.name, size, over).body())
        log.record_checkpoint(tx, size, signed)


def goes_on(engine: sa.Engine, path: Path, seen: Checkpoint | None) -> None:
    """Raise where the log does not go on from what a witness has seen."""
    if seen is not None and seen.size and root(engine, seen.size) != seen.root:
        raise ContractBroken(
            f"the log in the ledger does not go on from the {seen.size} leaves that {path} has"
            f" seen: it was changed, or is an older one. Nothing is signed: `{_VERIFY}` says what;"
            " after a restore begin a new log, as docs/life.md says"
        )


def show(engine: sa.Engine, path: Path, writer: witness.Writer) -> None:
    """Append the newest checkpoint to a witness that has not seen it."""
    note, seen = log.newest_checkpoint(engine), writer.newest()
    if note is None:
        return
    newest, known = Checkpoint.parse(note), seen.size if seen else 0
    if newest.size <= known:
        return
    goes_on(engine, path, seen)
    goes_on(engine, path, newest)
    writer.append(note, log.leaf_hashes(engine, known, newest.size), log.moment(engine))


_VERIFY = "cct-ops audit verify"
