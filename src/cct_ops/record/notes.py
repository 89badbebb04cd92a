"""
Checkpoints as signed notes of C2SP, which other tools for transparency logs read and write.

A checkpoint is three lines, origin, size and root in base64, and lines of signatures beneath them:
https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note. Keys are written as there:
``<name>+<id>+<key>``, and a private one with ``PRIVATE+KEY+`` before it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cct_ops.errors import BadConfiguration, ContractBroken

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")

GAP = "\n\n"
"""Between the text of a note and its signatures."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read it from a note, whoever signed that; raises ``ContractBroken`` where it is none."""
        lines = note.partition(GAP)[0].split("\n")
        if len(lines) < 3 or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise ContractBroken("this is no checkpoint: its lines are not origin, size and root")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error:
            root = b""
        if len(root) != hashlib.sha256().digest_size:
            raise ContractBroken("this is no checkpoint: its third line is no hash in base64")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True)
class Verifier:
    """A public key, by the name of who signs with it."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature says whose it is."""
        return key_id(self.name, _ED25519, self.key)

    def __str__(self) -> str:
        """The key as it is published."""
        return published(self.name, _ED25519, self.key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a published key; raises ``BadConfiguration`` where it is none."""
        name, key = key_of(text.strip(), _ED25519, "verifier key")
        found = cls(name, key)
        if str(found) != text.strip():
            raise BadConfiguration("this verifier key is damaged: its id does not belong to it")
        return found

    def pem(self) -> str:
        """Return the key alone in PEM, which other tools than those for logs read."""
        public = Ed25519PublicKey.from_public_bytes(self.key)
        written = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return written.decode()

    def signed(self, note: str) -> bool:
        """Say whether a note carries a signature of this key that is right."""
        message = f"{note.partition(GAP)[0]}\n".encode()
        return any(
            is_right(self.key, signature, message)
            for _, signature in signatures(note, self.name, self.id)
        )


@dataclass(frozen=True)
class Signer:
    """A private key, by the name under which it signs."""

    name: str
    seed: bytes

    @classmethod
    def new(cls, name: str) -> Self:
        """Make a key that nobody has."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a private key; raises ``BadConfiguration``, which does not repeat it."""
        if not text.startswith(_PRIVATE):
            raise BadConfiguration(f"the log's key does not begin with {_PRIVATE}")
        return cls(*key_of(text.strip().removeprefix(_PRIVATE), _ED25519, "log's key"))

    def __str__(self) -> str:
        """The key as it stands in its file."""
        written = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{written}"

    def __repr__(self) -> str:
        """What may be printed of it."""
        return f"Signer({self.name!r})"

    @property
    def verifier(self) -> Verifier:
        """The public key that belongs to it."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return Verifier(self.name, public.public_bytes_raw())

    def sign(self, body: str) -> str:
        """Return the text as a note with this signature."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(body.encode())
        written = base64.b64encode(self.verifier.id + signature).decode()
        return f"{body}\n— {self.name} {written}\n"


def key_id(name: str, algorithm: bytes, key: bytes) -> bytes:
    """Return the four bytes by which signatures of a public key are known."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm + key).digest()[:4]


def published(name: str, algorithm: bytes, key: bytes) -> str:
    """Return a public key as it is published."""
    written = base64.b64encode(algorithm + key).decode()
    return f"{name}+{key_id(name, algorithm, key).hex()}+{written}"


def signatures(note: str, name: str, id_: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each line of a note that says it is a signature of this key, and the signature."""
    for line in note.partition(GAP)[2].splitlines():
        found = _SIGNATURE.fullmatch(line)
        if found is None or found[1] != name:
            continue
        try:
            raw = base64.b64decode(found[2], validate=True)
        except binascii.Error:
            continue
        if raw[:4] == id_:
            yield line, raw[4:]


def is_right(key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether an Ed25519 signature is one of this key over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_of(text: str, algorithm: bytes, what: str) -> tuple[str, bytes]:
    """Return the name and the 32 bytes of a key; raises ``BadConfiguration`` where it is none."""
    parts = text.split("+", 2)
    try:
        raw = base64.b64decode(parts[2], validate=True) if len(parts) == 3 else b""
    except binascii.Error:
        raw = b""
    if len(raw) != 33 or raw[:1] != algorithm or not parts[0]:
        raise BadConfiguration(f"this {what} is not <name>+<id>+<Ed25519 key in base64>")
    return parts[0], raw[1:]
