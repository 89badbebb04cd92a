"""``cct-ops backup`` and ``restore``: the installation as one file, and back from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    from cct_ops.backup.archive import Manifest
    from cct_ops.backup.check import Checked
    from cct_ops.backup.database import Database
    from cct_ops.backup.restore import Outside, Restored
    from cct_ops.backup.take import Say
    from cct_ops.settings import Settings

_PREFECT = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
_MIB = 1 << 20
_MOST_SHOWN = 20


def backup(
    file: Annotated[Path, Parameter(help="A new file; its owner alone can read it.")],
    *,
    as_json: Json = False,
) -> int:
    """
    Write the ledger and Prefect's database to one file, while everything goes on.

    Keys and passwords are not in it: keep those of the data folder (`keys`, `record`) elsewhere.
    Whether a backup is good for anything, `cct-ops restore FILE --check` says.
    """
    from cct_ops.backup.take import take
    from cct_ops.commands.here import ledger, person
    from cct_ops.ledger.record import backups

    engine = ledger()
    ours, prefects = _databases()
    taken, manifest = take(ours, prefects, file, person())
    backups.record(engine, taken)
    if as_json:
        say_json({**taken.model_dump(), "manifest": manifest.model_dump(mode="json")})
        return 0
    rows = sum(manifest.ledger.tables.values()), sum(manifest.prefect.tables.values())
    say(
        ("Backed up: ", "bold green"),
        f"{rows[0]:,} rows of the ledger and {rows[1]:,} of Prefect, as of"
        f" {taken.taken_at:%Y-%m-%d %H:%M:%S} UTC, in {taken.bytes / _MIB:.1f} MiB: {file}",
    )
    say(f"SHA-256 {taken.sha256}")
    if manifest.runs_unknown_to_prefect:
        say(
            ("Look: ", "bold yellow"),
            f"{manifest.runs_unknown_to_prefect} runs of the last day are not in Prefect; were they"
            " deleted there?",
        )
    return 0


def restore(
    file: Annotated[Path, Parameter(help="A backup.")],
    *,
    check: Annotated[
        bool, Parameter(negative="", help="Change nothing: load it elsewhere, and look at all.")
    ] = False,
    over: Annotated[
        bool,
        Parameter(negative="", help="Take the place of what is there, which is kept beside it."),
    ] = False,
    data: Annotated[
        Path | None, Parameter(help="The data folder of a stack on one machine.")
    ] = None,
    events: Annotated[
        list[Path] | None,
        Parameter(help="A stream of audit events as a file; again for each.", negative=""),
    ] = None,
    as_json: Json = False,
) -> int:
    """
    Put the installation back from a backup, or say with `--check` whether that would work.

    All parts must be stopped. What happened since the backup is read from witnesses, streams of
    events, CCT, and the ledger that is replaced: those targets are held until `cct-ops release`,
    and all of them are (`cct-ops resume`) where nobody can say. What was under way is not gone on
    with. With `--check` a PostgreSQL of its own is started and thrown away.
    """
    if not file.is_file():
        raise BadConfiguration(f"{file} is no file: name a backup")
    settings = _settings(data)
    if check:
        return _checked(file, settings, as_json=as_json)
    from cct_ops.backup.restore import refuse_unless_free, restore as put_back
    from cct_ops.commands.here import person

    with _stopped(data) as (ours, prefects), _outside(settings, events or []) as outside:
        refuse_unless_free((ours, prefects), over=over)
        done = put_back(file, ours, prefects, outside, person(), _progress(as_json=as_json))
    if as_json:
        say_json(
            {
                "backup_taken_at": done.manifest.ledger.at,
                "held": dict(done.since.targets),
                "stopped": done.stopped,
                "why": done.since.why,
                "ended": dict(done.settled),
                "kept": list(done.kept),
            }
        )
    else:
        _say_restored(done)
    return 0


def _checked(file: Path, settings: Settings, *, as_json: bool) -> int:
    from cct_ops.backup.check import check
    from cct_ops.config import policy
    from cct_ops.record.keys import read_key
    from cct_ops.record.witness import places

    folder = settings.record_path
    verifier = read_key(folder).verifier if folder is not None else None
    seen_by = places(policy.read(settings.policy_path).audit, folder)
    manifest, found = check(file, seen_by, verifier, _progress(as_json=as_json))
    if as_json:
        say_json(
            {
                "good": not found.findings,
                "findings": found.findings,
                "newer_leaves": found.newer_leaves,
                "manifest": manifest.model_dump(mode="json"),
            }
        )
    else:
        _say_checked(manifest, found)
    return 1 if found.findings else 0


def _progress(*, as_json: bool) -> Say:
    """Return what is told of each step: people see it, and programs do not."""
    return (lambda _line: None) if as_json else say


def _say_checked(manifest: Manifest, found: Checked) -> None:
    from cct_ops.models.base import counted

    for finding in found.findings[:_MOST_SHOWN]:
        say(("Wrong: ", "bold red"), finding)
    if found.findings:
        say(("Not good: ", "bold red"), f"{len(found.findings)} findings. Try an older backup.")
        return
    say(
        ("Good: ", "bold green"),
        f"{manifest.ledger.at:%Y-%m-%d %H:%M:%S} UTC, schema {manifest.ledger.revision},"
        f" {sum(manifest.ledger.tables.values()):,} rows and {manifest.leaves:,} leaves, by"
        f" {manifest.person}, of cct-ops {manifest.version} and Prefect"
        f" {manifest.prefect_version}.",
    )
    if not found.witnesses:
        say("No witness file was there to compare its log with.")
    elif found.newer_leaves:
        newer = counted(found.newer_leaves, "leaf", "leaves")
        say(f"A witness has seen {newer} more: a restore holds what it cannot know of.")


def _say_restored(done: Restored) -> None:
    from cct_ops.models.base import counted

    at = f"{done.manifest.ledger.at:%Y-%m-%d %H:%M:%S} UTC"
    say(("Restored: ", "bold green"), f"the installation is as it was at {at}.")
    say(done.since.why)
    for target, why in sorted(done.since.targets.items()):
        say(("Held: ", "bold yellow"), f"{target}: {why}. Look, then `cct-ops release {target}`.")
    if done.stopped:
        why = "nobody outside knows all that happened up to the loss"
        if done.since.certain:
            why = "the kill switch was pulled since the backup"
        say(
            ("Stopped: ", "bold yellow"),
            f"nothing is changed anywhere until `cct-ops resume`: {why}.",
        )
    ended = {"dispatches": "alert", "ended": "run", "approvals": "request for approval"}
    words = [
        counted(done.settled[table], noun, "requests for approval" if " " in noun else None)
        for table, noun in ended.items()
        if done.settled.get(table)
    ]
    if words:
        say(f"Not gone on with: {', '.join(words)}.")
    if done.settled.get("dispatches"):
        say("`cct-ops inbox --unfinished` has the alerts.")
    for name in done.kept:
        say(f"What was there before is the database {name}: drop it when nobody needs it.")
    say("Start the parts, then `cct-ops doctor`; docs/life.md says what comes next.")


def _settings(data: Path | None) -> Settings:
    """Return the settings; those of a stack's data folder where nothing else is said."""
    from cct_ops.settings import Settings
    from cct_ops.variables import say_unless_said

    folder = _folder(data)
    if folder is not None and (folder / "record").is_dir():
        say_unless_said("CCT_OPS_RECORD_PATH", str(folder / "record"))
    return Settings.load()


def _folder(data: Path | None) -> Path | None:
    """Return the data folder of the stack that is meant, if there is one."""
    from cct_ops.stack.config import StackConfig, project_of
    from cct_ops.variables import said

    if data is not None:
        return data
    if named := said("CCT_OPS_DATA"):
        return Path(named)
    try:
        return StackConfig.usual_data(project_of(Path.cwd()))
    except BadConfiguration:
        return None


@contextmanager
def _stopped(data: Path | None) -> Iterator[tuple[Database, Database]]:
    """Have both databases at hand: those that are set, or those of a stack that is not running."""
    from cct_ops.stack.postgres import EmbeddedPostgres
    from cct_ops.variables import said

    folder = _folder(data)
    if said("CCT_OPS_DATABASE_URL") and data is None:
        yield _databases()
        return
    if folder is None or not (folder / "postgres").is_dir():
        raise BadConfiguration(
            f"there is no installation{f' in {folder}' if folder else ''}: set"
            " CCT_OPS_DATABASE_URL and PREFECT_API_DATABASE_CONNECTION_URL, or name the data"
            " folder of a stack with --data"
        )
    from pydantic import SecretStr

    from cct_ops.backup.database import Database
    from cct_ops.stack.lock import locked

    with locked(folder), EmbeddedPostgres(folder.absolute() / "postgres") as server:
        yield (
            Database.of("the ledger", SecretStr(server.url("cct_ops")), "the stack's ledger"),
            Database.of("Prefect's database", SecretStr(server.url("prefect")), "the stack's"),
        )


def _databases() -> tuple[Database, Database]:
    """Return the ledger and Prefect's database, as they are set."""
    from pydantic import SecretStr

    from cct_ops.backup.database import Database
    from cct_ops.settings import Settings
    from cct_ops.variables import said

    ledger = Settings.load().ledger_url()
    prefect = next(filter(None, map(said, _PREFECT)), None)
    if prefect is None:
        raise BadConfiguration(
            f"{_PREFECT[1]} is not set: set it to the database of Prefect's server, as that has it"
        )
    return (
        Database.of("the ledger", ledger, "CCT_OPS_DATABASE_URL"),
        Database.of("Prefect's database", SecretStr(prefect), _PREFECT[1]),
    )


@contextmanager
def _outside(settings: Settings, events: list[Path]) -> Iterator[Outside]:
    """Have at hand what knows of the time since the backup."""
    from contextlib import ExitStack

    from cct_ops.backup.restore import Outside
    from cct_ops.clients.pacing import Unpaced
    from cct_ops.clients.reader import CctReader
    from cct_ops.clients.transport import CctTransport
    from cct_ops.config import policy
    from cct_ops.record.witness import places

    rules = policy.read(settings.policy_path).audit
    folder = settings.record_path or Path()
    streams = [*events, *(folder / each.file for each in rules.streams if each.file is not None)]
    with ExitStack() as stack:
        reader = None
        if settings.cct_url is not None:
            patience = settings.request_timeout_seconds
            transport = CctTransport(*settings.cct(), Unpaced(), patience)
            reader = CctReader(stack.enter_context(transport))
        yield Outside(places(rules, settings.record_path), streams, reader)
