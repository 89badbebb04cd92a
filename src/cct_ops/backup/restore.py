"""Puts an installation back from a backup, and holds what the backup cannot know about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

from cct_ops.backup import archive, load, settle, since as events
from cct_ops.backup.archive import Manifest
from cct_ops.backup.database import Database
from cct_ops.backup.since import Since
from cct_ops.backup.take import DUMPS, Say
from cct_ops.clients.reader import CctReader
from cct_ops.errors import BadConfiguration, ContractBroken, OpsError
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import backups
from cct_ops.ledger.record.backups import Backup, Restore
from cct_ops.models.guards import UNTIL_RELEASED
from cct_ops.record import witness

_NEW = "_restoring"
_LONGEST_SUFFIX = "_before_26123123595999"  # to the hundredth of a second
_LONGEST_NAME = 63 - len(_LONGEST_SUFFIX)


@dataclass(frozen=True)
class Outside:
    """The places outside of the backup that know what happened since."""

    places: Sequence[witness.Place] = ()
    streams: Sequence[Path] = ()
    cct: CctReader | None = None


@dataclass(frozen=True)
class Restored:
    """The result: what is held and why, and how much was under way and is not gone on with."""

    manifest: Manifest
    since: Since
    stopped: bool
    settled: Mapping[str, int]
    kept: Sequence[str] = field(default_factory=list)
    """The databases that were replaced, under the names that they have now."""


def refuse_unless_free(databases: Sequence[Database], *, over: bool) -> None:
    """Raise ``BadConfiguration`` where somebody works on them, or something is in them."""
    for database in databases:
        if len(database.name.encode()) > _LONGEST_NAME:
            raise BadConfiguration(
                f"the name of {database.title} is too long: the one beside it would be cut to the"
                f" same name, at {_LONGEST_NAME} bytes"
            )
        there = load.others(database)
        if there:
            raise BadConfiguration(
                f"{database.title} is in use by {', '.join(there)}: stop all parts first"
                " (Ctrl-C where `cct-ops up` runs)"
            )
        if not over and not load.is_empty(database):
            raise BadConfiguration(
                f"{database.title} is not empty. With --over the backup takes its place, and what"
                " is there is kept under another name"
            )


def restore(
    path: Path, ledger: Database, prefect: Database, outside: Outside, person: str, say: Say
) -> Restored:
    """
    Put both databases back; until the last step nothing that is there is touched.

    Raises ``ContractBroken`` where the file is not what was written.
    """
    new = (ledger.named(f"{ledger.name}{_NEW}"), prefect.named(f"{prefect.name}{_NEW}"))
    with archive.reading(path) as (file, manifest):
        with _gone_where_it_fails(new), _nothing_changed():
            for finding in load.damaged(file, manifest):
                raise ContractBroken(f"{path}: {finding}")
            _load(file, manifest, new, say)
            backup = _described(path, manifest)
            known = _since(manifest, backup.sha256, ledger, new, outside)
            say("Ending what was under way ...")
            settled = settle.settle(*new)
            stopped = _hold(new[0], backup, known, person)
            suffix = f"_before_{datetime.now(UTC):%y%m%d%H%M%S%f}"[: len(_LONGEST_SUFFIX)]
            was_empty = [load.is_empty(each) for each in (ledger, prefect)]
        with _gone_where_it_fails(new):
            load.swap(list(zip((ledger, prefect), new, strict=True)), suffix)
    kept = []
    for database, empty in zip((ledger, prefect), was_empty, strict=True):
        old = database.named(f"{database.name}{suffix}")
        with suppress(OpsError):  # it is one more that is kept
            if empty:
                load.drop(old)
                continue
        kept.append(old.name)
    return Restored(manifest, known, stopped, settled, kept)


@contextmanager
def _gone_where_it_fails(new: tuple[Database, Database]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for each in new:
            with suppress(OpsError):
                load.drop(each)
        raise


@contextmanager
def _nothing_changed() -> Iterator[None]:
    try:
        yield
    except OpsError as error:
        raise type(error)(f"{str(error).rstrip('.')}. Nothing was changed") from error


def _load(file: ZipFile, manifest: Manifest, new: tuple[Database, Database], say: Say) -> None:
    for name, into in zip(DUMPS, new, strict=True):
        say(f"Loading {name} ...")
        load.create(into)
        load.load(file, name, into)
    for finding in load.differences(manifest, *new):
        raise ContractBroken(f"What was loaded is not what was backed up: {finding}")


def _since(
    manifest: Manifest,
    digest: str,
    replaced: Database,
    new: tuple[Database, Database],
    outside: Outside,
) -> Since:
    known = Since()
    events.witnessed(known, outside.places, manifest.leaves, settle.newest_leaf(new[0]))
    events.streamed(known, outside.streams, manifest.leaves)
    if outside.cct is not None:
        events.asked(known, outside.cct, manifest.ledger.at)
    if manifest.draining and not manifest.under_way and not manifest.waiting:
        # where nothing else is, the first leaf that follows is that of the backup
        known.itself = known.leaves == 1
        known.named_leaves = max(known.named_leaves, int(known.itself))
        known.certain = known.is_known and known.leaves <= 1
    if not load.is_empty(replaced):
        settle.former(known, replaced, new[0], manifest, digest)
    settle.in_flight(known, *new)
    return known


def _hold(into: Database, backup: Backup, known: Since, person: str) -> bool:
    """Bring it to our schema and keep automation off what nobody knows; True if off everything."""
    url = into.url
    engine = connect(url)
    try:
        migrate(url)
        at = f"{backup.taken_at:%Y-%m-%d %H:%M:%S} UTC"
        for target, why in sorted(known.targets.items()):
            reason = f"Restored from a backup of {at}: {why}"
            switches.hold(engine, target, UNTIL_RELEASED, reason, person)
        stopped = not known.certain or bool(known.stopped and known.stopped.get("stopped"))
        if stopped:
            switches.stop(engine, f"Restored from a backup of {at}. {known.why}", person)
        backups.record(engine, backup)  # which is not in itself
        backups.record_restore(
            engine,
            Restore(
                backup_taken_at=backup.taken_at,
                backup_sha256=backup.sha256,
                person=person,
                held=tuple(sorted(known.targets)),
                stopped=not known.certain,
                why=known.why,
            ),
        )
    finally:
        engine.dispose()
    return stopped


def _described(path: Path, manifest: Manifest) -> Backup:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Backup(
        taken_at=manifest.ledger.at,
        person=manifest.person,
        file=path.name,
        sha256=digest,
        bytes=path.stat().st_size,
        leaves=manifest.leaves,
    )
