"""
What happened since a backup was taken, as far as anybody outside of it knows.

The events of the record name the targets; a witness knows only how many leaves there were; CCT says
of a route when its canary was changed last. Where something happened that nobody can name, every
target counts as changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cct_ops.clients.reader import CctReader
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.models.base import counted
from cct_ops.record import witness

_ON_TARGETS = ("permits", "temporary_changes")
_LONGEST_LINE = 1 << 22


@dataclass
class Since:
    """
    What is not in a backup: its targets by name, each with the reason, and whether that is all.

    ``stopped`` is the newest known turn of the kill switch, None where nobody turned it since;
    ``gap`` says why the ledger that is replaced does not know everything.
    """

    changed: dict[str, str] = field(default_factory=dict)
    """What was changed, or held, since the backup."""
    under_way: dict[str, str] = field(default_factory=dict)
    """Where something was under way when it was taken."""
    leaves: int = 0
    named_leaves: int = 0
    sources: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    stopped: Mapping[str, Any] | None = None
    gap: str = ""
    seen: dict[int, bytes] = field(default_factory=dict)
    """The hash of the newest leaf that each witness has seen, by its position."""
    itself: bool = False
    """True where one leaf followed on a drained installation: that there is this backup."""
    certain: bool = False
    """True where nothing can have happened that is not named here."""

    @property
    def targets(self) -> Mapping[str, str]:
        """Return all that is to be held, each with the reason."""
        return {**self.under_way, **self.changed}

    @property
    def is_known(self) -> bool:
        """Say whether all that happened since is known by name."""
        return bool(self.sources) and not self.unread and self.named_leaves >= self.leaves

    @property
    def why(self) -> str:
        """Say what is known, in a sentence or two."""
        return f"{self._known} {self.gap}".strip()

    @property
    def _known(self) -> str:
        if self.unread:
            return f"Not everything could be read: {'; '.join(self.unread)}."
        if not self.sources:
            return "No witness and no stream of events outside says what happened since."
        return self._followed if self.leaves else self._named

    @property
    def _followed(self) -> str:
        if self.itself:
            return "Only that there is this backup was recorded since."
        followed = f"{counted(self.leaves, 'leaf', 'leaves')} of the log followed"
        if self.leaves > self.named_leaves:
            missing = counted(self.leaves - self.named_leaves, "leaf", "leaves")
            return (
                f"{followed} on the backup, and of {missing} nobody outside says what stands in"
                " them."
            )
        return f"{followed}, all by name."

    @property
    def _named(self) -> str:
        if self.changed or self.stopped:
            return "What happened since the backup is known by name."
        return "Nothing was recorded since the backup."


def witnessed(
    since: Since, places: Iterable[witness.Place], leaves: int, last: bytes | None
) -> None:
    """
    Note how many leaves the witnesses have seen that the backup does not have.

    ``last`` is the hash of the newest that it has, by which a witness of its log is known.
    """
    for place in places:
        if not place.file.exists():
            since.unread.append(f"{place.file} is not there")
            continue
        try:
            seen = place.read().hashes
        except (OSError, OpsError) as error:
            since.unread.append(f"{place.file}: {error}")
            continue
        if len(seen) < leaves:
            since.unread.append(f"{place.file} has seen less than there is in the backup")
        elif leaves and seen[leaves - 1] != last:
            since.unread.append(f"{place.file} is a witness of another log")
        else:
            since.sources.append(str(place.file))
            since.leaves = max(since.leaves, len(seen) - leaves)
            if seen:
                since.seen[len(seen) - 1] = seen[-1]


def streamed(since: Since, files: Iterable[Path], leaves: int) -> None:
    """Note what the events of the record say that followed on the backup."""
    found: dict[int, Mapping[str, Any]] = {}
    for path in files:
        if not path.exists():
            since.unread.append(f"{path} is not there")
            continue
        reaches = False
        for at, said in _events(path):
            reaches = reaches or at >= leaves - 1
            if at >= leaves:
                found[at] = said
        if reaches:  # what ends before the backup says nothing of the time since
            since.sources.append(str(path))
    holds: dict[object, tuple[str, str] | None] = {}
    for at in sorted(found):
        _note(since, found[at], holds)
    for target, why in filter(None, holds.values()):
        since.changed.setdefault(target, why)
    # a gap would be something that nobody names
    known = 0
    while leaves + known in found:
        known += 1
    since.named_leaves = max(since.named_leaves, known)
    since.leaves = max(since.leaves, max(found, default=leaves - 1) + 1 - leaves)


def refuse_unless_events(files: Iterable[Path]) -> None:
    """Raise ``BadConfiguration`` for a file that is not there, or has no event of the record."""
    for path in files:
        if next(_events(path), None) is None:
            raise BadConfiguration(f"{path} has no audit event in it: name a stream of them")


def asked(since: Since, cct: CctReader, moment: datetime) -> None:
    """Note of which routes CCT says that their canaries were changed later than that."""
    try:
        for route, traffic in cct.canary_metrics().routes.items():
            if traffic.since > moment:
                at = f"{traffic.since:%Y-%m-%d %H:%M:%S} UTC"
                since.changed.setdefault(route, f"CCT says that its canary changed at {at}")
    except OpsError as error:
        since.unread.append(f"CCT does not say when its canaries changed ({error})")


def _note(
    since: Since, said: Mapping[str, Any], holds: dict[object, tuple[str, str] | None]
) -> None:
    kind, row, state = said.get("kind"), said.get("row"), said.get("state")
    if not isinstance(row, Mapping):
        return
    if kind == "switches":
        since.stopped = row
    elif kind == "holds" and isinstance(row.get("target"), str):
        over = isinstance(state, Mapping) and state.get("released_at")
        why = f"{row.get('person')} held it: {row.get('reason')}"
        holds[said.get("key")] = None if over else (row["target"], why)
    elif kind in _ON_TARGETS and isinstance(row.get("target"), str) and row["target"]:
        since.changed.setdefault(row["target"], f"{row.get('playbook')} was at it")


def _events(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the leaves in a file of events, each with its position; other lines are skipped."""
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                try:
                    event = json.loads(line)
                    said = event["data"].get("leaf")
                    at = int(event["sequence"])
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    continue
                if isinstance(said, Mapping):
                    yield at, said
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read: {error.strerror}") from None
