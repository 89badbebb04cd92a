"""``cct-ops audit``: whether the record is whole, and what a stranger needs to verify it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say

if TYPE_CHECKING:
    from cct_ops.record.notes import Verifier
    from cct_ops.settings import Settings

audit = App(name="audit", help="The transparency log: whether the record is as it was written.")

Key = Annotated[
    str | None,
    Parameter(help="The log's public key, as `cct-ops audit key` prints it, or a file with it."),
]


@audit.command
def key() -> int:
    """Print the log's public key; publish it where nobody can change it unseen."""
    from cct_ops.record.keys import read_key

    say(str(read_key(_folder(_settings())).verifier))
    return 0


@audit.command
def verify(*, key: Key = None) -> int:
    """
    Compare the ledger with its log, the log with its checkpoints, and both with their witnesses.

    It names each row that is changed, missing, inserted or out of order, and ends with 1.
    """
    from cct_ops.record import audit as database

    settings = _settings()
    public, witnesses = _key(key, settings), _witnesses(settings)
    found = database.verify(ledger(), public, witnesses)
    for finding in found.findings:
        say(("Wrong: ", "bold red"), finding)
    say(
        f"{found.rows} rows, {found.leaves} leaves, {found.checkpoints} checkpoints and"
        f" {found.witnesses} witnesses compared; {found.waiting} changes are no leaves yet."
    )
    if not witnesses:
        say("No witness is set up (audit in policy.yaml): who holds database and key can lie.")
    if found.findings:
        say(("Not as it was written: ", "bold red"), f"{len(found.findings)} findings.")
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


def _key(given: str | None, settings: Settings) -> Verifier:
    from cct_ops.record.keys import read_key
    from cct_ops.record.notes import Verifier

    if given is None:
        return read_key(_folder(settings)).verifier
    path = Path(given)
    return Verifier.parse(path.read_text() if path.is_file() else given)


def _witnesses(settings: Settings) -> list[Path]:
    from cct_ops.config import policy

    named = policy.read(settings.policy_path).audit.witnesses
    return [(settings.record_path or Path()) / each.file for each in named]
