"""``cct-ops audit``: whether the record is whole, and what a stranger needs to verify it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from cct_ops.commands import audit_verdict
from cct_ops.commands.audit_streams import streams
from cct_ops.commands.audit_verdict import folder
from cct_ops.commands.here import ledger
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say

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
def key(
    *,
    pem: Annotated[
        bool, Parameter(help="In PEM, as tools for signed statements want it.", negative="")
    ] = False,
) -> int:
    """Print the log's public key; publish it where nobody can change it unseen."""
    from cct_ops.record.keys import read_key

    verifier = read_key(folder()).verifier
    for line in verifier.pem().splitlines() if pem else [str(verifier)]:
        say(line)
    return 0


@audit.command
def new_key(into: Annotated[Path, Parameter(help="A folder; the file is log.key in it.")]) -> int:
    """
    Make a key for a log that has none: where several controllers sign, each is given this one.

    `cct-ops up` makes its own. Another key for a log that goes on is another log to whoever
    verifies it, so a key that is there stays.
    """
    from cct_ops.errors import BadConfiguration
    from cct_ops.record.keys import KEY, keep_key, read_key

    if (into / KEY).exists():
        raise BadConfiguration(f"{into / KEY} is there already, and a log goes on with its key")
    keep_key(into)
    say(f"{into / KEY} signs the log {read_key(into).name}: hand it to every controller.")
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
        outside = audit_verdict.outside(witness, witness_key or [], certificates)
        return audit_verdict.of_export(file, key, outside)
    if witness_key or certificates:
        raise BadConfiguration(
            "--witness-key and --certificates are for an export: policy names those of the ledger"
        )
    return audit_verdict.of_ledger(key, witness)


@audit.command
def export(
    file: Annotated[Path, Parameter(help="Where it is written; what is there is replaced.")],
    *,
    incident: Annotated[str | None, Parameter(help="All about this incident and its runs.")] = None,
    since: Annotated[
        str | None, Parameter(help="All since 30m, 12h, 7d, or a moment such as 2026-11-24T18:30.")
    ] = None,
    parquet: Annotated[
        Path | None, Parameter(help="Write the same leaves as Parquet, too, which proves nothing.")
    ] = None,
) -> int:
    """
    Write one file that a stranger can verify with the log's public key and nothing else of ours.

    `docs/audit/verify.py` does so, and `cct-ops audit verify FILE`.
    """
    from cct_ops.commands import moments
    from cct_ops.commands.incident import writing
    from cct_ops.ledger import ids
    from cct_ops.ledger.record import log, log_selection
    from cct_ops.record import export as exports
    from cct_ops.record.keys import read_key

    if (incident is None) == (since is None):
        raise BadConfiguration("name either --incident or --since")
    signer = read_key(folder())
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
        with writing(file):
            exports.write(connection, file, signer, note, positions, {**about, "made": made})
        if parquet is not None:
            from cct_ops.record import columns

            with writing(parquet):
                columns.write(connection, parquet, note, positions)
        late = log.size(connection) - size + log.waiting(connection)
    say(f"{len(positions)} leaves of {size} written to {file}, with what proves them.")
    if parquet is not None:
        say(f"The same leaves are in {parquet}, as columns.")
    if late:
        say(f"{late} entries are newer than the last checkpoint: in a minute there is a later one.")
    return 0


@audit.command
def statement(
    wanted: Annotated[str, Parameter(help="The incident or the run: the beginning will do.")],
    file: Annotated[Path, Parameter(help="Where it is written; what is there is replaced.")],
) -> int:
    """
    Write a signed statement about a run, or all runs of an incident, for tools that read in-toto.

    It is an in-toto Statement in a DSSE envelope, signed by the log's key. What verifies it is
    printed by `cct-ops audit key --pem`.
    """
    from cct_ops.commands.incident import write
    from cct_ops.ledger import ids
    from cct_ops.ledger.record import log, log_selection
    from cct_ops.models.base import counted
    from cct_ops.record import export as exports, statement as statements
    from cct_ops.record.keys import read_key

    signer = read_key(folder())
    engine = ledger()
    kinds = (ids.Kind.INCIDENT, ids.Kind.RUN)
    meant = ids.one(engine, wanted, *kinds, listed_by="cct-ops incidents")
    is_run = ids.matching(engine, str(meant), *kinds)[meant] is ids.Kind.RUN
    of = log_selection.positions_of_run if is_run else log_selection.positions_about
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        note, size, _ = exports.newest(connection)
        leaves = log.leaves_at(connection, of(connection, meant, size))
    if not leaves:
        raise BadConfiguration(
            f"the log has no leaf about it yet that is signed: {wanted} is too new, or too old"
        )
    said = statements.statement(leaves, note)
    write(file, statements.envelope(said, signer))
    runs = counted(len(said["predicate"]["runs"]), "run")
    say(f"A statement about {runs} written to {file}, with {len(leaves)} leaves as its subjects.")
    return 0
