"""The description of the API (OpenAPI 3.1), made of its operations and of their models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from cct_ops.board.api.limits import A_SECOND, BURST
from cct_ops.board.api.once import AGAIN
from cct_ops.board.api.operation import Nothing, Operation
from cct_ops.board.api.operations import ALL, VERSION
from cct_ops.board.api.problem import MEDIA_TYPE, Problem
from cct_ops.board.api.request import ASKED_BY, KEY, LONGEST_KEY, LONGEST_NAME
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

_ABOUT = f"""\
The board of cct-ops as JSON: what its pages show and what can be done on them, for programs.

Send `Authorization: Bearer TOKEN`. Times are those of RFC 3339, in UTC. A program ignores what it
does not know: fields are added within {VERSION}, and none is taken away. What goes wrong is a
problem of RFC 9457, with a `type` that stays the same. A look has an `ETag`, and with
`If-None-Match` is answered 304 while nothing changed. A token may ask {BURST} times at once and
{A_SECOND} times a second after that.
"""
_TAGS = {
    "system": "Everything at once, our own parts, who is signed in",
    "incidents": "What is broken, and who has it",
    "inbox": "What came in, and what became of it",
    "approvals": "What waits for a person's yes",
    "changes": "What is weakened until when",
    "playbooks": "What can be started",
    "switches": "Is automation on, what is held",
    "on-call": "Who is called, and who stands in for whom",
    "follow-ups": "What is learned from an incident, and what people promised to do",
    "sandbox": "What can be broken on purpose, where CCT is the stack's own sandbox",
}
# What any request can be answered, and what only some can.
_ALWAYS = {401: "no token that is good", 429: "too many requests: wait as `Retry-After` says"}
_ALWAYS |= {503: "the ledger or Prefect does not answer", 400: "the request cannot be read"}
_OF_ROLES = {403: "this takes another role"}
_OF_PLACES = {404: "nothing of this id or name"}
_OF_VALUES = {422: "a value does not fit: `errors` says which, and why"}
_OF_WRITES = {
    408: "the body came too slowly",
    409: "nothing was done, and why",
    413: "the body is too large",
    415: "the body is not JSON",
}
_PLACE = re.compile(r"\{(\w+)\}")

Json = dict[str, Any]


def made() -> Json:
    """Return the description."""
    paths: dict[str, Json] = {}
    for each in ALL:
        paths.setdefault(f"/api/{VERSION}{each.path}", {})[each.method] = _operation(each)
    paths[f"/api/{VERSION}/openapi.json"] = {"get": _itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "cct-ops", "version": VERSION, "description": _ABOUT},
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `cct-ops token create`.",
                }
            },
        },
    }


class _OfAnswers(GenerateJsonSchema):
    """As answers are: a field with a default is always there."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Every field of ours is sent."""
        return True if self.mode == "serialization" else super().field_is_required(field, total)


def _schemas() -> Json:
    answers: set[type[Frozen]] = {each.answer for each in ALL} | {Problem}
    bodies = {each.body for each in ALL if each.body is not Nothing}
    wanted: list[tuple[type[Frozen], JsonSchemaMode]] = [
        *((each, "serialization") for each in answers),
        *((each, "validation") for each in bodies),
    ]
    wanted.sort(key=lambda pair: pair[0].__name__)
    _, found = models_json_schema(
        wanted, ref_template="#/components/schemas/{model}", schema_generator=_OfAnswers
    )
    taken = {each.__name__ for each in bodies}
    for name, schema in found["$defs"].items():
        if name not in taken:  # an answer of a later release has more fields
            schema.pop("additionalProperties", None)
    return dict(sorted(found["$defs"].items()))


def _operation(each: Operation) -> Json:
    role = "any role" if each.needs is Role.VIEWER else f"the role `{each.needs}` or a higher one"
    words = [f"Takes a token of {role}.", each.more]
    said: Json = {
        "operationId": each.name,
        "tags": [each.tag],
        "summary": each.summary,
        "description": " ".join(filter(None, words)),
        "parameters": [*_parameters(each)],
        "responses": _responses(each),
    }
    if each.body is not Nothing:
        reference = {"$ref": f"#/components/schemas/{each.body.__name__}"}
        said["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": reference}},
        }
    return said


def _parameters(each: Operation) -> Iterator[Json]:
    for name in _PLACE.findall(each.path):
        kind = {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": kind}
    query = each.query.model_json_schema()
    for name, schema in query.get("properties", {}).items():
        rest = {key: value for key, value in schema.items() if key != "description"}
        parameter = {"name": name, "in": "query", "schema": _without_null(rest)}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter
    if each.method == "get":
        yield {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of the answer that the program has.",
            "schema": {"type": "string"},
        }
    else:
        yield {
            "name": ASKED_BY.title(),
            "in": "header",
            "description": "The person on whose word the program does it: the record then has"
            " `Anna Ito, by chatops (token)`, and a plan of a run that was started so cannot be"
            " approved by that person. In UTF-8, without a comma.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_NAME,
                "pattern": r"^[^,\s\x00-\x1f\x7f]([^,\x00-\x1f\x7f]*[^,\s\x00-\x1f\x7f])?$",
            },
        }
        yield {
            "name": KEY.title(),
            "in": "header",
            "description": "Sent again with the same key within a day, it is not done again: the"
            " answer is the one that it had.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_KEY,
                "pattern": "^[!-~]+$",
            },
        }


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter, which is left out and never null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    rest = {name: each for name, each in schema.items() if name not in {"anyOf", "default"}}
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return {**(kinds[0] if len(kinds) == 1 else {}), **rest, **default}


def _responses(each: Operation) -> Json:
    refused = dict(_ALWAYS)
    if each.needs is not Role.VIEWER:
        refused |= _OF_ROLES
    if _PLACE.search(each.path):
        refused |= _OF_PLACES
    if each.method == "post":
        refused |= _OF_WRITES | _OF_VALUES
    else:
        refused |= _OF_VALUES | {409: "a file of ours is wrong: it says where"}
    answer = {"$ref": f"#/components/schemas/{each.answer.__name__}"}
    good: Json = {
        "description": "as asked",
        "content": {"application/json": {"schema": answer}},
        "headers": {"ETag": _header("What to send as `If-None-Match`.")}
        if each.method == "get"
        else {AGAIN: _header("`true` where the answer is that of an earlier request.")},
    }
    responses: Json = {"200": good}
    if each.method == "get":
        responses["304"] = {"description": "nothing has changed"}
    return responses | {str(status): _problem(words) for status, words in sorted(refused.items())}


def _itself() -> Json:
    return {
        "operationId": "readDescription",
        "tags": ["system"],
        "summary": "This description",
        "description": "Takes a token of any role.",
        "responses": {
            "200": {
                "description": "as asked",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "304": {"description": "nothing has changed"},
            **{str(status): _problem(words) for status, words in sorted(_ALWAYS.items())},
        },
    }


def _problem(words: str) -> Json:
    reference = {"$ref": "#/components/schemas/Problem"}
    return {"description": words, "content": {MEDIA_TYPE: {"schema": reference}}}


def _header(words: str) -> Json:
    return {"description": words, "schema": {"type": "string"}}
