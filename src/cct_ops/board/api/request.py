"""A request as it comes: its token, its parameters and its body, each refused where it is none."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote_plus

from pydantic import SecretStr, ValidationError
from starlette.requests import Request

from cct_ops.board.api.limits import Limits
from cct_ops.board.api.operation import Nothing, Operation
from cct_ops.board.api.problem import Refusal, invalid, misfit
from cct_ops.board.page import Board, Visitor
from cct_ops.gateway.limits import Refused, read_body
from cct_ops.ledger.people import api_tokens
from cct_ops.ledger.people.api_tokens import PREFIX
from cct_ops.ledger.people.sign_ins import Session
from cct_ops.models.base import Frozen
from cct_ops.models.run import asked_of

BODY_BYTES = 64 * 1024
KEY = "idempotency-key"
ASKED_BY = "asked-by"
LONGEST_KEY = 100
LONGEST_NAME = 100
_BEARER = "bearer "
_HOW = (
    "Send `Authorization: Bearer TOKEN` with a token that is good: whoever runs this stack makes"
    " one with `cct-ops token create`. No cookie and no token in an address lets anybody in."
)


def find_visitor(board: Board, limits: Limits, request: Request) -> Visitor:
    """Return the program that asks; raises ``Refusal`` of a stranger, and of one too often here."""
    given = request.headers.getlist("authorization")
    said = given[0] if len(given) == 1 else ""
    token = said[len(_BEARER) :].strip() if said.lower().startswith(_BEARER) else ""
    found = api_tokens.find_token(board.engine, token)
    if found is None:
        words = f"There is no token, or it is over or none of ours. {_HOW}"
        raise Refusal(401, words, headers={"WWW-Authenticate": 'Bearer realm="cct-ops"'})
    if wait := limits.wait_seconds(found.id):
        words = f"This token asks too often: wait {wait} s, and ask less often then."
        raise Refusal(429, words, headers={"Retry-After": str(wait)})
    if PREFIX in unquote_plus(request.url.query):
        raise Refusal(
            400,
            "There is a token in the address, where logs on the way have seen it: revoke it with"
            " `cct-ops token revoke`, and send its successor in the header alone.",
        )
    api_tokens.mark_used(board.engine, found.id)
    session = Session(
        id=found.id,
        role=found.role,
        person=found.person,
        proof=f"by the API token {found.id}, made by {found.made_by}",
        signed_in_at=found.made_at,
        last_seen_at=found.last_used_at or found.made_at,
        expires_at=found.expires_at,
        revoked_at=None,
        revoked_by=None,
        live=True,
    )
    return Visitor(session, SecretStr(""), way="by the API")


def read_query(operation: Operation, request: Request) -> Frozen:
    """Return the parameters of an address; raises ``Refusal``."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if twice := next((name for name in names if names.count(name) > 1), None):
        words = "It is there more than once"
        raise misfit(words, f"query.{twice}")
    try:
        return operation.query.model_validate_strings(dict(given))
    except ValidationError as error:
        raise invalid("query", error) from None


async def read_content(request: Request) -> bytes:
    """Return the body; raises ``Refusal`` where it is too large, too slow or broken off."""
    try:
        return await read_body(request, BODY_BYTES)
    except Refused as refused:
        words = f"{str(refused).capitalize()}: it takes {BODY_BYTES // 1024} KiB at most."
        raise Refusal(refused.status, words, headers={"Connection": "close"}) from None


def read_json(operation: Operation, request: Request, content: bytes) -> Frozen:
    """Return what a body says; raises ``Refusal`` where it is no JSON or not as it should be."""
    if operation.body is Nothing and not content:
        return Nothing()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        words = "Send the body as JSON, with `Content-Type: application/json`."
        raise Refusal(415, words)
    try:
        # Neither a number that is none nor half a character can be in JSON.
        text = json.dumps(json.loads(content), allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is no JSON.") from None
    if "\\u0000" in text:
        raise Refusal(422, "The body has a character NUL in it, which the ledger cannot keep.")
    try:
        return operation.body.model_validate_json(content)
    except ValidationError as error:
        raise invalid("body", error) from None


def read_key(request: Request) -> str | None:
    """Return the key of a write that is to be done once; raises ``Refusal`` for what is none."""
    given = request.headers.getlist(KEY)
    if not given:
        return None
    key = given[0]
    if (
        len(given) > 1
        or not 0 < len(key) <= LONGEST_KEY
        or not key.isascii()
        or not key.isprintable()
    ):
        words = f"It takes 1 to {LONGEST_KEY} characters that can be seen, once; an UUID for one"
        raise misfit(words, f"header.{KEY}")
    return key


def on_behalf(visitor: Visitor, request: Request) -> Visitor:
    """Return the program, by the name of the person on whose word it does something, if any."""
    given = request.headers.getlist(ASKED_BY)
    if not given:
        return visitor
    name = _text(given[0]).strip()
    if len(given) > 1 or not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or "," in name:
        words = f"It takes one name of 1 to {LONGEST_NAME} letters, without a comma"
        raise misfit(words, f"header.{ASKED_BY}")
    person = asked_of(name, visitor.name)
    return replace(visitor, session=visitor.session.model_copy(update={"person": person}))


def _text(header: str) -> str:
    """Return a header that was written in UTF-8, which Starlette reads as Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
