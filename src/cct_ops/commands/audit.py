"""``cct-ops audit``: whether the record is whole, and what a stranger needs to verify it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from cct_ops.commands.audit_streams import streams
from cct_ops.commands.here import ledger
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cct_ops.record.notes import Verifier
    from cct_ops.record.offline import Outside
    from cct_ops.settings import Settings

_MOMENT = "%Y-%m-%d at %H:%M:%S UTC"

audit = App(name="audit", help="The transparency log: whether the record is as it was written.")

audit.command(streams)

Key = Annotated[
    str | None,
    Parameter(help="The log's public key, as `cct-ops audit key` prints it, or a file with it."),
]

Witness = Annotated[
    Path | None,
    Parameter(help="What the witness has seen, instead of the files that policy names."),
]


WitnessKey = Annotated[
    list[str] | None,
    Parameter(
        help="The public key of a witness that must have cosigned it, or a file with it; again for"
        " each.",
        negative="",
    ),
]


Certificates = Annotated[
    Path | None,
    Parameter(help="PEM file with the root of who stamped it; there must be a time stamp then."),
]


@audit.command
def key() -> int:
    """Print the log's public key; publish it where nobody can change it unseen."""
    from cct_ops.record.keys import read_key

    say(str(read_key(_folder(_settings())).verifier))
    return 0


@audit.command
def verify(
    file: Annotated[
        Path | None, Parameter(help="An export; without one the ledger itself is verified.")
    ] = None,
    *,
    key: Key = None,
    witness: Witness = None,
    witness_key: WitnessKey = None,
    certificates: Certificates = None,
) -> int:
    """
    Say whether the record is as it was written: the ledger's, or that in an export.

    In the ledger it compares rows with the log, the log with its checkpoints, and all with the
    witnesses that policy names. For an export neither a database nor any setting is needed but the
    key. It names each row that is changed, missing, inserted or out of order, and ends with 1.
    """
    if file is not None:
        return _export(file, key, _outside(witness, witness_key or [], certificates))
    if witness_key or certificates:
        raise BadConfiguration(
            "--witness-key and --certificates are for an export: policy names those of the ledger"
        )
    return _database(key, witness)


@audit.command
def export(
    file: Annotated[Path, Parameter(help="Where it is written; what is there is replaced.")],
    *,
    incident: Annotated[str | None, Parameter(help="All about this incident and its runs.")] = None,
    since: Annotated[
        str | None, Parameter(help="All since 30m, 12h, 7d, or a moment such as 2026-11-24T18:30.")
    ] = None,
) -> int:
    """
    Write one file that a stranger can verify with the log's public key and nothing else of ours.

    `docs/audit/verify.py` does so, and `cct-ops audit verify FILE`.
    """
    from cct_ops.commands import moments
    from cct_ops.ledger import ids
    from cct_ops.ledger.record import log, log_selection
    from cct_ops.record import export as exports
    from cct_ops.record.keys import read_key

    if (incident is None) == (since is None):
        raise BadConfiguration("name either --incident or --since")
    signer = read_key(_folder(_settings()))
    engine = ledger()
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        note, size, made = exports.newest(connection)
        if incident is not None:
            meant = ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops inbox")
            positions = log_selection.positions_about(connection, meant, size)
            about: dict[str, Any] = {"about": f"incident {meant}", "positions": positions}
        else:
            first = log_selection.first_since(connection, moments.past(since or ""))
            positions = list(range(size if first is None else first, size))
            about = {"about": f"since {since}", "from": size if first is None else first}
        exports.write(connection, file, signer, note, positions, {**about, "made": made})
        late = log.size(connection) - size + log.waiting(connection)
    say(f"{len(positions)} leaves of {size} written to {file}, with what proves them.")
    if late:
        say(f"{late} entries are newer than the last checkpoint: in a minute there is a later one.")
    return 0


def _database(key: str | None, witness: Path | None) -> int:
    from cct_ops.config import policy
    from cct_ops.models.base import counted
    from cct_ops.record import audit as database, http_witness, time_stamps
    from cct_ops.record.witness import Place, places

    settings = _settings()
    rules = policy.read(settings.policy_path).audit
    witnesses = [Place(witness)] if witness else places(rules, settings.record_path)
    asked = http_witness.witnesses(rules)
    roots = None
    if rules.time_stamps is not None:
        roots = time_stamps.authority(rules.time_stamps, settings.record_path).roots
    found = database.verify(ledger(), _key(key, settings), witnesses, asked, roots)
    say(
        f"{counted(found.rows, 'row')}, {counted(found.leaves, 'leaf', 'leaves')},"
        f" {counted(found.checkpoints, 'checkpoint')} and"
        f" {counted(found.witnesses, 'witness', 'witnesses')} compared;"
        f" waiting to become leaves: {found.waiting}."
    )
    if roots is not None:
        say(f"{counted(found.time_stamps, 'time stamp')} verified.")
    if not witnesses and not asked:
        say("No witness is set up (audit in policy.yaml): who holds database and key can lie.")
    return _judged(found.findings)


def _outside(
    witness: Path | None, witness_keys: Sequence[str], certificates: Path | None
) -> Outside:
    from cct_ops.record.cosignatures import Cosigner
    from cct_ops.record.offline import Outside
    from cct_ops.record.witness import read

    roots = None
    if certificates is not None:
        from cct_ops.record.time_stamps import Roots

        roots = Roots.read(certificates)
    cosigners = [Cosigner.parse(_text(each)) for each in witness_keys]
    return Outside(read(witness) if witness else None, cosigners, roots)


def _export(file: Path, key: str | None, outside: Outside) -> int:
    from cct_ops.record import offline

    found = offline.verify(file, _key(key, None if key else _settings()), outside)
    say(f"{found.leaves} leaves compared with the checkpoint over {found.size}.")
    if found.complete_from is not None:
        say(f"They are all leaves from {found.complete_from} on: none can be left out unseen.")
    if found.newer:
        say(f"It is older than the witness, which has seen {found.newer} leaves more.")
    for name, at in found.cosigned.items():
        say(f"Cosigned by {name} on {at:{_MOMENT}}: it had seen all of it then.")
    if found.stamp is not None and found.stamp.at is not None:
        say(f"Stamped on {found.stamp.at:{_MOMENT}}: {found.stamp.size} leaves were there then.")
    elif found.stamp is not None:
        say("It has a time stamp, whose signature is verified with --certificates.")
    if outside.seen is None and not outside.cosigners:
        say("Compared with no witness (--witness, --witness-key): who has the key can lie.")
    return _judged(found.findings)


def _judged(findings: Sequence[str]) -> int:
    for finding in findings:
        say(("Wrong: ", "bold red"), finding)
    if findings:
        say(("Not as it was written: ", "bold red"), f"{len(findings)} findings.")
        return 1
    say(("Whole: ", "bold green"), "everything is as it was written.")
    return 0


def _settings() -> Settings:
    from cct_ops.settings import Settings

    return Settings.load()


def _folder(settings: Settings) -> Path:
    if settings.record_path is None:
        raise BadConfiguration(
            "CCT_OPS_RECORD_PATH is not set: name the folder with the log's key (`cct-ops up` makes"
            " it in its data folder)"
        )
    return settings.record_path


def _key(given: str | None, settings: Settings | None) -> Verifier:
    from cct_ops.record.keys import read_key
    from cct_ops.record.notes import Verifier

    if given is None:
        return read_key(_folder(settings or _settings())).verifier
    return Verifier.parse(_text(given))


def _text(given: str) -> str:
    """Return a key that is given itself, or as a file with it."""
    path = Path(given)
    return path.read_text() if path.is_file() else given
