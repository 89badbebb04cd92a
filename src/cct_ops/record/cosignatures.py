"""
Cosignatures of C2SP: a witness has seen a checkpoint, which goes on from all that it saw before.

Each is a line beneath the checkpoint, beside the log's own signature, and says when it was made:
https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

from cct_ops.errors import BadConfiguration
from cct_ops.record.notes import GAP, Checkpoint, is_right, key_id, key_of, published, signatures

_COSIGNER = b"\x04"
_TIME_BYTES = 8


class Cosignature(NamedTuple):
    """A line beneath a checkpoint, and when the witness signed it; None where it is not right."""

    line: str
    at: datetime | None


@dataclass(frozen=True)
class Cosigner:
    """The public key of a witness, by its name."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a cosignature says whose it is."""
        return key_id(self.name, _COSIGNER, self.key)

    def __str__(self) -> str:
        """The key as it is published."""
        return published(self.name, _COSIGNER, self.key)

    @property
    def mark(self) -> str:
        """How a line with a cosignature of this key begins."""
        return f"— {self.name} {base64.b64encode(self.id).decode()[:5]}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a published key; raises ``BadConfiguration`` where it is none of a witness."""
        found = cls(*key_of(text.strip(), _COSIGNER, "witness's key"))
        if str(found) != text.strip():
            raise BadConfiguration("this witness's key is damaged: its id does not belong to it")
        return found

    def cosignatures(self, note: str) -> Iterator[Cosignature]:
        """Yield each line of a note that says it is a cosignature of this key."""
        text = note.partition(GAP)[0]
        for line, raw in signatures(note, self.name, self.id):
            seconds = int.from_bytes(raw[:_TIME_BYTES], "big")
            message = f"cosignature/v1\ntime {seconds}\n{text}\n".encode()
            right = is_right(self.key, raw[_TIME_BYTES:], message)
            yield Cosignature(line, _moment(seconds) if right else None)

    def cosigned_at(self, note: str) -> datetime | None:
        """Return when this witness cosigned a checkpoint first; None where it did not."""
        return min((each.at for each in self.cosignatures(note) if each.at), default=None)


def problems(cosigner: Cosigner, notes: Sequence[str]) -> Iterator[str]:
    """
    Yield what is wrong with a witness's cosignatures on these checkpoints, the smallest first.

    Each up to the last that it has cosigned bears its cosignature: a witness that was away, or is
    new, is shown all that it missed.
    """
    cosigned = [cosigner.cosigned_at(note) is not None for note in notes]
    last = max((at for at, right in enumerate(cosigned) if right), default=-1)
    for at, note in enumerate(notes):
        over = f"the checkpoint over {Checkpoint.parse(note).size} leaves"
        if any(each.at is None for each in cosigner.cosignatures(note)):
            yield f"{over}: the cosignature of {cosigner.name} is not right"
        elif not cosigned[at] and at < last:
            yield f"{over}: the cosignature of {cosigner.name} is missing"


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
