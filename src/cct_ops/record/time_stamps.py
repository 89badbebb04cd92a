"""
Time stamps of RFC 3161: an authority says when a checkpoint was there at the latest.

What is stamped is the text of a checkpoint, without its signatures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from cct_ops.clients.deadline import post
from cct_ops.config.policy import TimeStamps
from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.ledger.record.log_signatures import TimeStamp
from cct_ops.record.notes import GAP, Checkpoint

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Roots:
    """The certificates to which the signature on a time stamp must lead."""

    certificates: Sequence[x509.Certificate]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read them from a PEM file; raises ``BadConfiguration`` where it is none."""
        try:
            return cls(x509.load_pem_x509_certificates(path.read_bytes()))
        except OSError as error:
            why = error.strerror
        except ValueError:
            why = "it holds no certificate in PEM"
        raise BadConfiguration(f"the certificates for time stamps: {path}: {why}")

    def verify(self, response: bytes, note: str) -> datetime:
        """Return when a checkpoint was stamped; raises ``ContractBroken`` where it was not."""
        found = read(response, note)
        builder = VerifierBuilder()
        for each in self.certificates:
            builder = builder.add_root_certificate(each)
        try:
            builder.build().verify_message(found, _stamped(note))
        except (VerificationError, ValueError) as error:
            raise ContractBroken(_REFUSED) from error
        return found.tst_info.gen_time


@dataclass(frozen=True)
class Authority:
    """Who is asked for time stamps."""

    url: str
    roots: Roots

    def stamp(self, note: str) -> bytes:
        """Return what it answers about a checkpoint, once that is verified."""
        builder = TimestampRequestBuilder().data(_stamped(note))
        request = builder.hash_algorithm(HashAlgorithm.SHA256).build()
        try:
            status, content = post(
                self.url,
                request.as_bytes(),
                {"Content-Type": "application/timestamp-query"},
                TIMEOUT_SECONDS,
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Unavailable(
                f"{self.url} does not answer, so there is no time stamp: {type(error).__name__}"
            ) from None
        if status == 429 or status >= 500:
            raise Unavailable(f"{self.url} answered {status}, and no time stamp")
        try:
            self.roots.verify(content, note)
            if read(content, note).tst_info.nonce != request.nonce:
                raise ContractBroken("it answers another question")
        except ContractBroken as error:
            raise BadConfiguration(
                f"{self.url} answered {status}, and no time stamp that counts: {error}"
            ) from None
        return content


def authority(named: TimeStamps, folder: Path | None) -> Authority:
    """Return the authority that policy names; relative certificates are beside the log's key."""
    return Authority(named.url, Roots.read((folder or Path()) / named.certificates))


def problems(stamps: Sequence[TimeStamp], notes: Sequence[str], roots: Roots) -> Iterator[str]:
    """Yield which time stamps are not right, or not on one of these checkpoints."""
    known = {Checkpoint.parse(note).size: note for note in notes}
    for size, response in stamps:
        try:
            roots.verify(response, known[size])
        except KeyError:
            yield f"there is a time stamp on a checkpoint over {size} leaves, which is gone"
        except ContractBroken as error:
            yield f"the time stamp on the checkpoint over {size} leaves: {error}"


def read(response: bytes, note: str) -> TimeStampResponse:
    """Read a time stamp on a checkpoint; raises ``ContractBroken`` where it is none on this one."""
    try:
        found = decode_timestamp_response(response)
        if found.status:
            why = ", ".join(found.status_string) or f"status {found.status}"
            raise ContractBroken(f"it refuses: {why}")
        imprint = found.tst_info.message_imprint.message
    except ValueError:
        raise ContractBroken("it is no time stamp") from None
    if imprint != hashlib.sha256(_stamped(note)).digest():
        raise ContractBroken("it is not a time stamp on this checkpoint")
    return found


def _stamped(note: str) -> bytes:
    return f"{note.partition(GAP)[0]}\n".encode()


_REFUSED = "its signature does not lead to the certificates that are named"
