"""With an `Idempotency-Key` a write is done once, however often it is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from cct_ops.ledger.people.tables import api_requests
from cct_ops.models.role import Role
from tests.board.api.conftest import Programs
from tests.ledger.alerts import opened

STOPS = sa.text("select count(*) from switches")


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(STOPS).scalar_one()
    return found


def test_sent_again_it_is_not_done_again(program: Programs, engine: sa.Engine) -> None:
    chatops, other = program(Role.APPROVER), program(Role.RESPONDER, "other")
    why, key = {"reason": "what is going on?"}, "k-1"

    first = chatops.post("/switches/stop", why, key=key)
    again = chatops.post("/switches/stop", why, key=key)

    assert (first.status_code, again.status_code, count(engine)) == (200, 200, 1)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    # The keys of one program are nothing to another one.
    assert other.post("/switches/stop", why, key=key).status_code == 200
    assert count(engine) == 2


def test_a_refusal_is_answered_again_as_it_was(program: Programs, engine: sa.Engine) -> None:
    incident, chatops = opened(engine), program(Role.RESPONDER)
    path = f"/incidents/{incident}/acknowledge"
    chatops.post(path)

    first = chatops.post(path, key="k")
    again = chatops.post(path, key="k")

    assert (first.status_code, again.status_code) == (409, 409)
    assert first.json() == again.json()
    assert again.headers["content-type"] == "application/problem+json"


def test_a_key_is_of_one_request(program: Programs, engine: sa.Engine) -> None:
    chatops, key = program(Role.RESPONDER), "k"
    chatops.post("/switches/stop", {"reason": "one"}, key=key)

    for path, body in (
        ("/switches/stop", {"reason": "other"}),
        ("/switches/hold", {"target": "/daily-summary", "hours": 1, "reason": "one"}),
    ):
        answer = chatops.post(path, body, key=key)
        assert (answer.status_code, "another request" in answer.json()["detail"]) == (422, True)
    assert count(engine) == 1


def test_of_many_at_once_one_does_it(program: Programs, engine: sa.Engine) -> None:
    """The others are told to look, or get its answer."""
    chatops = program(Role.RESPONDER)

    def stop(_: int) -> int:
        return chatops.post("/switches/stop", {"reason": "x"}, key="k").status_code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(stop, range(8)))

    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert count(engine) == 1


def test_one_that_broke_off_is_not_done_again_by_its_key(
    program: Programs, engine: sa.Engine
) -> None:
    chatops = program(Role.RESPONDER)
    why, key = {"reason": "x"}, "k"
    chatops.post("/switches/stop", why, key=key)
    with engine.begin() as tx:  # as if its process had died before it answered
        tx.execute(sa.update(api_requests).values(status=None, answer=sa.null()))

    answer = chatops.post("/switches/stop", why, key=key)

    assert (answer.status_code, "Look whether it was done" in answer.json()["detail"]) == (
        409,
        True,
    )
    assert count(engine) == 1


def test_what_could_not_be_done_may_be_asked_for_again(
    program: Programs, engine: sa.Engine
) -> None:
    """Prefect is away: nothing was started, and the key is free."""
    chatops, key = program(Role.RESPONDER), "k"

    answers = [chatops.post("/playbooks/auto-rollback/start", {}, key=key) for _ in range(2)]

    assert [each.status_code for each in answers] == [503, 503]
    assert "auto-rollback was not started" in answers[0].json()["detail"]
    with engine.connect() as connection:
        assert connection.execute(sa.select(api_requests)).all() == []


@pytest.mark.parametrize("key", ["", "x" * 101, "ä", "a\tb"])
def test_what_is_no_key_is_refused(program: Programs, engine: sa.Engine, key: str) -> None:
    chatops = program(Role.RESPONDER)
    headers = {
        b"Authorization": f"Bearer {chatops.token}".encode(),
        b"Idempotency-Key": key.encode("latin-1"),
    }

    answer = chatops.http.post("/api/v1/switches/stop", json={"reason": "x"}, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.idempotency-key"
    assert count(engine) == 0
