"""What reached people in Slack: that something is wrong, that a yes is wanted, how it ended."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from cct_ops.models.run import Outcome
from cct_ops.sandbox.inputs import Message
from evaluation.cluster.findings import Finding
from evaluation.cluster.history import History, Request
from evaluation.cluster.names import Claim
from evaluation.cluster.people import links
from evaluation.cluster.temporary import Hurt
from evaluation.cluster.writes import CLOCKS

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# How a message begins that says how a run ended; the latter ones speak for runs that died.
_END = re.compile(rf"^:\w+: (?:(?:{'|'.join(Outcome)}): |[\w-]+ on [^:]+: )")
# An approval's id in the token of a link: behind the signature and the version.
_IN_TOKEN = slice(33, 49)


class Said(NamedTuple):
    """One message: when it came, which ids are in it, and whether it says how a run ended."""

    at: datetime
    ids: frozenset[UUID]
    ends: bool


@dataclass(frozen=True)
class Told:
    """All that was said in Slack; ``hurts`` say when the ledger's clock was off, and how far."""

    messages: Sequence[Message]
    hurts: Sequence[Hurt] = ()

    @cached_property
    def said(self) -> list[Said]:
        """The messages as the judge reads them."""
        return [
            Said(each.at, _ids(each), bool(_END.match(str(each.body.get("text", "")))))
            for each in self.messages
        ]

    @cached_property
    def ids(self) -> frozenset[UUID]:
        """All ids that were in any message."""
        return frozenset[UUID]().union(*(each.ids for each in self.said))

    def untold(self, history: History) -> Iterator[Finding]:
        """Find requests that reached somebody whom nobody told how their run ended."""
        endless = {each.run_id for each in history.endless}
        for request in history.requests:
            about = {request.run_id, *_followers(request.run_id, history.successors)}
            if request.id not in self.ids or about & endless:
                continue  # nobody was asked; or it has not ended, which is another claim
            if not any(self._tells(each, request, about) for each in self.said):
                what = f"Request {request.id} of run {request.run_id}, {request.playbook} on"
                what += f" {request.target}, reached somebody, and no message says how it ended."
                claim: Claim = "every person asked is told how it ended"
                ends = (history.ended[each] for each in about & history.ended.keys())
                yield Finding(claim, request.at, what, max((request.at, *ends)))

    def _tells(self, said: Said, request: Request, about: Iterable[UUID]) -> bool:
        ids = {*about, request.incident_id}
        return said.ends and said.at >= self._asked(request) - CLOCKS and bool(said.ids & ids)

    def _asked(self, request: Request) -> datetime:
        """Return when it was made at the earliest, by Slack's clock and not by the ledger's."""
        moved = [(each, request.at - each.off) for each in self.hurts]
        meanwhile = (at for each, at in moved if each.began <= at <= each.ended)
        return min((request.at, *meanwhile))


def _followers(run_id: UUID, successors: Mapping[UUID, UUID]) -> Iterator[UUID]:
    """Yield the runs that took over from one whose process died."""
    while (following := successors.get(run_id)) is not None:
        yield following
        run_id = following


def _ids(message: Message) -> frozenset[UUID]:
    named = {UUID(found) for found in _ID.findall(json.dumps(message.body))}
    return frozenset(named | {found for link in links(message) if (found := _approval(link))})


def _approval(link: str) -> UUID | None:
    token = link.rpartition("/")[2]
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return UUID(bytes=raw[_IN_TOKEN])
    except (binascii.Error, ValueError):
        return None
