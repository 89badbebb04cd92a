"""Writes that are to be done once, by the key that a program gives; it is known for a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from starlette.responses import Response

from cct_ops.board.api.problem import MEDIA_TYPE, Refusal
from cct_ops.board.api.refusals import REFUSED, refusal_of
from cct_ops.ledger.people import api_requests
from cct_ops.ledger.people.api_requests import Earlier

AGAIN = "Idempotency-Replayed"
_OTHER = (
    "This Idempotency-Key was sent with another request before: take a new one for each request."
)
_BEGUN = (
    "A request with this Idempotency-Key began and was not answered: it goes on, or it broke off in"
    " the middle. Look whether it was done; if not, send it with a new key."
)


class Once(NamedTuple):
    """The way of a write through its key."""

    engine: sa.Engine

    def done(self, token_id: UUID, key: str, asked: str, act: Callable[[], str]) -> Response:
        """
        Do it, or give the answer that it had; raises ``Refusal`` where neither can be.

        What cannot be done now is forgotten, so that it may be asked for again. Where the ledger
        goes away in the middle, its key stays without an answer.
        """
        earlier = api_requests.begin(self.engine, token_id, key, asked)
        if earlier is not None:
            return _repeated(earlier, asked)
        try:
            status, text, kind = 200, act(), "application/json"
        except REFUSED as error:
            refusal = refusal_of(error)
            if refusal.status >= 500:
                api_requests.forget(self.engine, token_id, key)
                raise
            status, text, kind = refusal.status, refusal.problem.model_dump_json(), MEDIA_TYPE
        api_requests.record_answer(self.engine, token_id, key, status, json.loads(text))
        return Response(text, status, media_type=kind)


def _repeated(earlier: Earlier, asked: str) -> Response:
    if earlier.request_sha256 != asked:
        raise Refusal(422, _OTHER)
    if earlier.status is None:
        raise Refusal(409, _BEGUN)
    kind = "application/json" if earlier.status < 400 else MEDIA_TYPE
    text = json.dumps(earlier.answer, separators=(",", ":"))
    return Response(text, earlier.status, media_type=kind, headers={AGAIN: "true"})
