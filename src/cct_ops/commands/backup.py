"""``cct-ops backup`` and ``restore``: the installation as one file, and back from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands import installation
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    from cct_ops.backup.archive import Manifest
    from cct_ops.backup.check import Checked
    from cct_ops.backup.restore import Restored
    from cct_ops.backup.take import Say
    from cct_ops.settings import Settings

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
    ours, prefects = installation.databases()
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
    settings = installation.settings(data)
    if check and (over or events):
        raise BadConfiguration(
            f"{'--over' if over else '--events'} says how to put a backup back, and --check only"
            " looks at it: leave one of them out"
        )
    if check:
        return _checked(file, settings, as_json=as_json)
    from cct_ops.backup.restore import refuse_unless_free, restore as put_back
    from cct_ops.backup.since import refuse_unless_events
    from cct_ops.commands.here import person

    refuse_unless_events(events or [])

    with (
        installation.stopped(data) as (ours, prefects),
        installation.outside(settings, events or []) as outside,
    ):
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
        if done.since.certain and done.since.stopped:
            pulled = done.since.stopped
            why = f"{pulled['person']} pulled the kill switch ({pulled['reason']})"
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
