"""Loads a backup into a PostgreSQL of its own, and says whether it is good for a restore."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from cct_ops.backup import archive, load
from cct_ops.backup.archive import Manifest
from cct_ops.backup.database import Database
from cct_ops.backup.take import DUMPS, Say
from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.record import log
from cct_ops.record import audit, compare, witness
from cct_ops.record.notes import Verifier
from cct_ops.stack.postgres import EmbeddedPostgres

_TITLES = ("the ledger", "Prefect's database")


@dataclass
class Checked:
    """What was found wrong with a backup, and what is not in it because it is newer."""

    findings: list[str] = field(default_factory=list)
    newer_leaves: int = 0
    witnesses: int = 0


def check(
    path: Path, places: Sequence[witness.Place], verifier: Verifier | None, say: Say
) -> tuple[Manifest, Checked]:
    """Look at all of it; what is wrong is in the result, each in a sentence."""
    found = Checked()
    with archive.reading(path) as (file, manifest):
        found.findings += load.damaged(file, manifest)
        if found.findings:
            return manifest, found
        with (
            tempfile.TemporaryDirectory(prefix="cct-ops-restore-check-") as folder,
            EmbeddedPostgres(Path(folder)) as server,
        ):
            databases = [
                Database.of(title, SecretStr(server.url(name)), "the scratch database")
                for title, name in zip(_TITLES, ("cct_ops", "prefect"), strict=True)
            ]
            for name, into in zip(DUMPS, databases, strict=True):
                say(f"Loading {name} ...")
                load.load(file, name, into)
            found.findings += load.differences(manifest, databases[0], databases[1])
            say("Comparing rows, log and checkpoints ...")
            _record(SecretStr(server.url("cct_ops")), places, verifier, found)
    return manifest, found


def _record(
    url: SecretStr, places: Sequence[witness.Place], verifier: Verifier | None, found: Checked
) -> None:
    """Hold the rows against the log, that against its checkpoints, and all against witnesses."""
    engine = connect(url)
    try:
        migrate(url)  # an older backup has to become what this release works on
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            found.findings += audit.compare(connection, verifier, ()).findings
            hashes = log.leaf_hashes(connection, 0, log.size(connection))
        for place in places:
            found.findings += _against(place, hashes, found)
    except (BadConfiguration, Unavailable, ContractBroken) as error:
        found.findings.append(str(error))
    finally:
        engine.dispose()


def _against(place: witness.Place, hashes: Sequence[bytes], found: Checked) -> list[str]:
    """Return in what the log is not the one that a witness has seen; what is newer is no fault."""
    if not place.file.exists():
        return []
    seen = place.read().hashes
    found.witnesses += 1
    found.newer_leaves = max(found.newer_leaves, len(seen) - len(hashes))
    both = min(len(seen), len(hashes))
    return [
        f"leaf {each.position} is {each.how}, by what {place.file} has seen"
        for each in compare.differences(seen[:both], hashes[:both])
    ]
