"""A witness over HTTP that cosigns: https://c2sp.org/tlog-witness."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import httpx
from pydantic import SecretStr

from cct_ops.clients.deadline import post
from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.config.secret_references import read_secret
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.record.cosignatures import Cosigner

TIMEOUT_SECONDS = 10.0
_HINTS = {
    401: "it does not take the token that `token` in the policy refers to",
    403: "it knows another key of this log: give it what `cct-ops audit key` prints",
    404: "it does not know this log, or no witness is at this address: give it what"
    " `cct-ops audit key` prints",
}


class HasSeen(Exception):
    """The witness has last cosigned a checkpoint over so many leaves, or another one over them."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class DoesNotFollow(Exception):
    """The checkpoint does not go on from what the witness has seen."""


@dataclass(frozen=True)
class HttpWitness:
    """Where a witness is, by which key it cosigns, and what it wants to see of callers."""

    url: str
    cosigner: Cosigner
    token: SecretStr | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    @classmethod
    def of(cls, place: WitnessPlace) -> Self:
        """Take it from the policy; raises ``BadConfiguration`` where its key or token is none."""
        url = place.http or ""
        try:
            cosigner = Cosigner.parse(place.key or "")
            token = read_secret(place.token) if place.token else None
        except BadConfiguration as error:
            raise BadConfiguration(f"the log's witness {url}: {error}") from None
        except OSError as error:
            raise BadConfiguration(
                f"the log's witness {url}: its token cannot be read: {error.strerror}"
            ) from None
        if token == "":
            raise BadConfiguration(f"the log's witness {url}: its token is empty")
        return cls(url, cosigner, SecretStr(token) if token else None)

    def ask(self, old: int, proof: Sequence[bytes], note: str) -> str:
        """
        Return the witness's cosignature on a checkpoint, as the line that goes beneath it.

        ``proof`` shows that the checkpoint goes on from the ``old`` first leaves. Raises
        ``HasSeen`` and ``DoesNotFollow`` with what it says otherwise, ``Unavailable`` where it does
        not answer, and ``BadConfiguration`` where it does not take what we send, or answers with
        what is not signed by its key.
        """
        lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof)]
        status, text = self._post("".join(f"{line}\n" for line in lines) + f"\n{note}")
        match status:
            case 409 if text.strip().isdecimal() and len(text) < 21:
                raise HasSeen(int(text))
            case 422:
                raise DoesNotFollow
            case 200:
                return self._line(note, text)
        if status == 429 or status >= 500:
            raise Unavailable(f"the log's witness {self.url} answered {status}")
        why = _HINTS.get(status, "it does not take what C2SP's tlog-witness says")
        raise BadConfiguration(f"the log's witness {self.url} answered {status}: {why}")

    def _line(self, note: str, answer: str) -> str:
        text, gap, _ = note.partition("\n\n")
        for line, at in self.cosigner.cosignatures(f"{text}{gap}{answer}"):
            if at is not None:
                return line
        raise BadConfiguration(
            f"what the log's witness {self.url} answered is not signed by its key in the policy,"
            f" that of {self.cosigner.name}"
        )

    def _post(self, body: str) -> tuple[int, str]:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        url = f"{self.url.rstrip('/')}/add-checkpoint"
        try:
            status, raw = post(url, body.encode(), headers, self.timeout_seconds)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Unavailable(
                f"the log's witness {self.url} does not answer: {type(error).__name__}"
            ) from None
        return status, raw.decode(errors="replace")


def witnesses(audit: AuditPolicy) -> list[HttpWitness]:
    """Return the witnesses over HTTP that policy names."""
    return [HttpWitness.of(each) for each in audit.witnesses if each.http is not None]
