"""The API by its own description: Schemathesis makes the requests up, as each role."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from hypothesis import given, strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from cct_ops.board.api import document
from cct_ops.board.api.operation import Operation
from cct_ops.board.api.operations import ALL as OPERATIONS
from cct_ops.board.app import create_app
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.board.stream import Stream
from cct_ops.models.role import Role
from tests.board.api.conftest import new_token
from tests.board.fuzzing import digest, few, fill

SAFE = (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
# What needs Prefect or the sandbox, which are away here.
BY_OTHERS = {"startPlaybook", "endChange", "extendChange", "takeOverRun", "breakSandbox"}


TOKENS = 20  # each may ask five times a second, and Schemathesis asks more often


@pytest.fixture
def described(board: Board, engine: sa.Engine) -> schemathesis.schemas.BaseSchema:
    """The API in this process, by its description."""
    app = create_app(board, Site("http", "testserver"), Stream(board))
    token = new_token(engine, Role.VIEWER, "reader")
    return schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", app, headers={"Authorization": f"Bearer {token}"}
    )


@pytest.mark.parametrize("role", Role)
def test_every_answer_is_one_that_is_described(
    described: schemathesis.schemas.BaseSchema, engine: sa.Engine, role: Role
) -> None:
    """Whatever is sent: none is an error of ours, and what a viewer sends changes nothing."""
    known, statuses = fill(engine), set()
    tokens = cycle([new_token(engine, role, f"fuzz-{number}") for number in range(TOKENS)])
    before = digest(engine)

    def knock(each: Operation) -> None:
        operation = described[f"/api/v1{each.path}"][each.method.upper()]
        checks = SAFE if each.name in BY_OTHERS else (*SAFE, not_a_server_error)

        @few(2)
        @given(
            case=st.one_of(
                operation.as_strategy(GenerationMode.POSITIVE),
                operation.as_strategy(GenerationMode.NEGATIVE),
            ),
            there=st.sampled_from([None, *known.ids]),
        )
        def one(case: schemathesis.Case[Any], there: object) -> None:
            for place in list(case.path_parameters or ()):
                if there is not None:
                    case.path_parameters[place] = str(there)
            headers = {"Authorization": f"Bearer {next(tokens)}"}
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=[*checks], headers=headers)
            assert answer.status_code != 429
            statuses.add(answer.status_code)

        one()

    for each in OPERATIONS:
        knock(each)
    assert {200, 422} <= statuses
    assert (403 in statuses) is (role is not Role.ADMIN)
    assert (digest(engine) == before) is (role is Role.VIEWER)


def test_the_description_is_one_that_its_readers_know(
    described: schemathesis.schemas.BaseSchema,
) -> None:
    described.validate()
    assert document.made()["openapi"] == "3.1.0"


def test_a_viewer_changes_no_row(engine: sa.Engine) -> None:
    """The digest sees each: else nothing would be shown by it."""
    fill(engine)
    before = digest(engine)

    new_token(engine, Role.VIEWER, "another")

    assert digest(engine) != before
