"""The verdicts of ``cct-ops audit verify``: about the ledger, and about an export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cct_ops.commands.here import ledger
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cct_ops.record.notes import Verifier
    from cct_ops.record.offline import Outside

_MOMENT = "%Y-%m-%d at %H:%M:%S UTC"


def of_ledger(key: str | None, witness: Path | None) -> int:
    """Verify the ledger, say what was found, and return 1 where anything is wrong."""
    from cct_ops.config import policy
    from cct_ops.models.base import counted
    from cct_ops.record import audit as database, http_witness, time_stamps
    from cct_ops.record.witness import Place, places
    from cct_ops.settings import Settings

    settings = Settings.load()
    rules = policy.read(settings.policy_path).audit
    witnesses = [Place(witness)] if witness else places(rules, settings.record_path)
    asked = http_witness.witnesses(rules)
    roots = None
    if rules.time_stamps is not None:
        roots = time_stamps.authority(rules.time_stamps, settings.record_path).roots
    found = database.verify(ledger(), _key(key), witnesses, asked, roots)
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


def outside(
    witness: Path | None, witness_keys: Sequence[str], certificates: Path | None
) -> Outside:
    """Return what others say than the log."""
    from cct_ops.record.cosignatures import Cosigner
    from cct_ops.record.offline import Outside
    from cct_ops.record.witness import read

    roots = None
    if certificates is not None:
        from cct_ops.record.time_stamps import Roots

        roots = Roots.read(certificates)
    cosigners = [Cosigner.parse(_text(each)) for each in witness_keys]
    return Outside(read(witness) if witness else None, cosigners, roots)


def of_export(file: Path, key: str | None, outside: Outside) -> int:
    """Verify an export, say what was found, and return 1 where anything is wrong."""
    from cct_ops.record import offline

    found = offline.verify(file, _key(key), outside)
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


def folder() -> Path:
    """Return the folder of the log's key; raises ``BadConfiguration`` where none is set."""
    from cct_ops.settings import Settings

    found = Settings.load().record_path
    if found is None:
        raise BadConfiguration(
            "CCT_OPS_RECORD_PATH is not set: name the folder with the log's key (`cct-ops up` makes"
            " it in its data folder)"
        )
    return found


def _key(given: str | None) -> Verifier:
    """Return the key that is given, or that of the log here."""
    from cct_ops.record.keys import read_key
    from cct_ops.record.notes import Verifier

    return read_key(folder()).verifier if given is None else Verifier.parse(_text(given))


def _text(given: str) -> str:
    """Return a key that is given itself, or as a file with it."""
    path = Path(given)
    try:
        return path.read_text("utf-8-sig", errors="replace") if path.is_file() else given
    except OSError as error:
        raise BadConfiguration(f"{given} cannot be read: {error.strerror}") from None
