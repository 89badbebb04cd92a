"""The pages and forms by a description made for this test: Schemathesis fills them in."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import given, strategies as st
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from cct_ops.board import door, pages
from cct_ops.board.app import create_app
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.board.stream import Stream
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from tests.board.fuzzing import digest, few, fill
from tests.conftest import ROOT

HERE = "http://testserver"
TEMPLATES = ROOT / "src" / "cct_ops" / "board" / "templates"
TEXT = {"type": "string", "maxLength": 60}
FILTERS = (
    "state",
    "severity",
    "who",
    "show",
    "about",
    "run",
    "target",
    "mode",
    "incident",
    "now",
    "again",
)
# What takes Prefect or the sandbox, which are away here.
AWAY = re.compile(r"/changes/|/playbooks/|/sandbox/|/takeover")
# With these the kill switch is turned, and a target held.
SENSE = {"reason": "why", "hours": "1", "target": "/daily-summary"}
EITHER = st.sampled_from(["1", "24", "on", "observe", "/daily-summary", "undo", "2027-01-01"])


def fields() -> list[str]:
    """Return the names of all fields that any form has."""
    text = "".join(path.read_text() for path in sorted(TEMPLATES.glob("*.j2")))
    return sorted(set(re.findall(r'name="([\w.-]+)"', text)) - {door.FORM_TOKEN, "viewport"})


def description() -> dict[str, Any]:
    """Describe every page with its filters, and every action with all fields that there are."""
    text = {"text/html": {"schema": {"type": "string"}}}

    def answers(*statuses: int) -> dict[str, Any]:
        return {str(each): {"description": "-", "content": text} for each in statuses}

    paths: dict[str, Any] = {}
    for page in pages.ALL:
        filters = [{"name": each, "in": "query", "schema": TEXT} for each in FILTERS]
        paths.setdefault(page.path, {})["get"] = {
            "parameters": [*_places(page.path), *filters],
            "responses": answers(200, 403, 404, 409),
        }
        for action in page.actions:
            form = {"type": "object", "properties": dict.fromkeys(fields(), TEXT)}
            body = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
            paths.setdefault(action.path, {})["post"] = {
                "parameters": _places(action.path),
                "requestBody": body,
                "responses": {"303": {"description": "-"}} | answers(403, 404, 409, 413),
            }
            if AWAY.search(action.path):
                paths[action.path]["post"]["responses"] |= answers(503)
    return {"openapi": "3.1.0", "info": {"title": "board", "version": "1"}, "paths": paths}


def _places(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": TEXT | {"minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


@pytest.mark.parametrize("role", Role)
def test_no_page_and_no_form_is_ever_our_error(board: Board, engine: sa.Engine, role: Role) -> None:
    """Whatever is filled in; and what a viewer sends changes nothing."""
    app = create_app(board, Site("http", "testserver"), Stream(board))
    known, seen, asked = fill(engine), set(), count()
    token = sign_ins.begin(engine, "Anna Ito", role, "a test").token
    visitor = door.find_visitor(board, token)
    assert visitor is not None
    proof = visitor.form_token.get_secret_value()
    before = digest(engine)
    schema = schemathesis.openapi.from_dict(description())
    schema.app = app

    def knock(path: str, method: str) -> None:
        @few(2)
        @given(
            case=schema[path][method].as_strategy(),
            there=st.sampled_from([None, *known.ids]),
            meant=EITHER,
            sense=st.booleans(),
        )
        def one(case: schemathesis.Case[Any], there: object, meant: str, sense: bool) -> None:
            for place in list(case.path_parameters or ()):
                if there is not None:
                    case.path_parameters[place] = str(there)
            if isinstance(case.body, dict):
                some = {name: meant for name in case.body if next(asked) % 3 == 0}
                case.body = {**case.body, **some, **(SENSE if sense else {})}
                case.body[door.FORM_TOKEN] = proof
            answer = case.call(
                headers={"Origin": HERE}, cookies={"cct-ops-board": token}, allow_redirects=False
            )
            case.validate_response(
                answer, checks=[status_code_conformance, content_type_conformance]
            )
            seen.add((case.method, answer.status_code))

        one()

    for page in pages.ALL:
        knock(page.path, "GET")
        for action in page.actions:
            knock(action.path, "POST")

    assert ("GET", 200) in seen
    assert (("POST", 303) in seen) is (role is not Role.VIEWER)
    assert (digest(engine) == before) is (role is Role.VIEWER)
