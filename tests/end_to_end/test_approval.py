"""Approve mode in a real deployment: a person's yes, no or silence, and a resume without an answer.

One stack and one run per ending, all started at once, because most of it is waiting.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Scheduled

from cct_ops.ledger.gate.tables import approvals
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from tests.end_to_end.conftest import Stack, changes_on
from tests.people.notifier.threads import answers, heads
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack and eight processes on a busy machine

ENDINGS = {
    "approved": Route.PRE_MARKET_BRIEFING,
    "declined": Route.INTRADAY_CHECK,
    "unanswered": Route.DAILY_SUMMARY,
    "resumed bare": Route.WEEKLY_REVIEW,
}


ACCEPT, REJECT = SetStateStatus.ACCEPT, SetStateStatus.REJECT
YES = {"decision": "approve", "name": "Ada", "note": "Go."}
NO = {"decision": "decline", "name": "Grace", "note": "Not now."}
ANSWERS = {"approved": (ACCEPT, YES), "declined": (ACCEPT, NO), "resumed bare": (REJECT, None)}


@dataclass(frozen=True)
class Suspended:
    """A stack in which one run per ending waits for its answer."""

    client: SyncPrefectClient
    engine: sa.Engine
    sandbox: SandboxControl
    runs: dict[str, UUID]
    form: dict[str, Any]
    shown: str

    def state(self, ending: str) -> State[object]:
        """Where the run stands."""
        state = self.client.read_flow_run(self.runs[ending]).state
        assert state is not None
        return state

    def end_of(self, ending: str) -> State[object]:
        """Wait for the run's final state."""
        eventually(lambda: self.state(ending).is_final(), seconds=180)
        return self.state(ending)

    def request(self, ending: str) -> sa.Row[tuple[object, ...]]:
        """The ledger's row about the question."""
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(approvals).where(approvals.c.run_id == self.runs[ending])
            ).one()

    def writes(self, ending: str) -> int:
        """How many changes CCT saw on the run's route."""
        return changes_on(self.sandbox, ENDINGS[ending])


@pytest.fixture(scope="module")
def suspended(stack: Stack) -> Suspended:
    """A stack in which one run per ending is suspended."""
    client, sandbox = stack.client, stack.sandbox
    sandbox.reset(limits=False)
    for route in ENDINGS.values():
        sandbox.roll_back(route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    runs = {
        ending: stack.start("auto-rollback", target=route.value, mode="approve")
        for ending, route in ENDINGS.items()
    }
    form: dict[str, Any] = {}
    shown, unanswered = "", dict(ANSWERS)

    def all_answered() -> bool:
        nonlocal form, shown
        for ending in [each for each in unanswered if is_suspended(client, runs[each])]:
            asked = question(client, runs[ending])
            if asked is None:
                continue
            form, shown = asked
            expected, words = unanswered.pop(ending)
            answer = client.resume_flow_run(runs[ending], run_input=words)
            assert (ending, answer.status) == (ending, expected)
        return not unanswered

    eventually(all_answered, seconds=180)
    assert is_suspended(client, runs["resumed bare"])
    client.set_flow_run_state(runs["resumed bare"], Scheduled(), force=True)
    return Suspended(client, stack.engine, sandbox, runs, form, shown)


def is_suspended(client: SyncPrefectClient, run_id: UUID) -> bool:
    state = client.read_flow_run(run_id).state
    return state is not None and state.is_paused()


def question(client: SyncPrefectClient, run_id: UUID) -> tuple[dict[str, Any], str] | None:
    """
    Read the form's schema, and the words above it, from where Prefect's UI reads them.

    None when they are not there: Prefect suspends a run first, and then saves them.
    """
    state = client.read_flow_run(run_id).state
    assert state is not None
    keys = state.state_details.run_input_keyset
    assert keys is not None
    try:
        schema, words = (
            json.loads(client.read_flow_run_input(run_id, keys[name]))
            for name in ("schema", "description")
        )
    except PrefectHTTPStatusError as error:
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
    return schema, str(words)


def test_yes_carries_out_exactly_what_was_shown(suspended: Suspended) -> None:
    ended = suspended.end_of("approved")

    assert ended.name == "Resolved"
    assert suspended.writes("approved") == 1
    assert suspended.sandbox.state().routes[ENDINGS["approved"]].enabled
    asked = suspended.request("approved")
    assert (asked.state, asked.approver, asked.note) == ("approved", "Ada", "Go.")
    assert asked.authenticated is False, "a form proves no identity"


def test_no_changes_nothing(suspended: Suspended) -> None:
    ended = suspended.end_of("declined")

    assert ended.name == "Declined"
    assert "Declined by Grace: Not now." in (ended.message or "")
    assert suspended.writes("declined") == 0


def test_silence_is_a_no_once_the_time_is_over(suspended: Suspended) -> None:
    """Prefect would leave the run suspended; the controller's sweep ends it, red and reported."""
    ended = suspended.end_of("unanswered")

    assert (ended.name, ended.is_failed()) == ("Expired", True)
    assert suspended.writes("unanswered") == 0
    eventually(lambda: suspended.request("unanswered").settled_at is not None)
    assert suspended.request("unanswered").state == "expired"
    assert account.of_run(suspended.engine, suspended.runs["unanswered"]).outcome == "Expired"


def test_a_resume_without_an_answer_changes_nothing(suspended: Suspended) -> None:
    """Prefect refused the bare resume; then it was forced on, and still nothing leaves."""
    ended = suspended.end_of("resumed bare")

    assert ended.name in {"Void", "Expired"}
    assert suspended.writes("resumed bare") == 0


def test_each_run_is_one_thread_and_its_buttons_are_gone(suspended: Suspended) -> None:
    """The worker's processes and the controller speak in the same thread, with one head."""
    for ending, route in ENDINGS.items():
        state = suspended.end_of(ending)

        def closed(route: Route = route, state: State[object] = state) -> bool:
            found = [h for h in heads(suspended.sandbox) if f"rollback on {route} " in h["text"]]
            ended = {state.name, "Nobody approved"} if state.name == "Expired" else {state.name}
            said = [answer for head in found for answer in answers(suspended.sandbox, head)]
            buttons = [block for each in said for block in each["blocks"] if "elements" in block]
            return (
                len(found) == 1
                and any(f" {word}: " in found[0]["text"] for word in ended)
                and len(said) >= 2
                and "actions" not in {block["type"] for block in buttons}
            )

        eventually(closed, seconds=60)


def test_the_question_shows_the_plan_and_asks_who_decides(suspended: Suspended) -> None:
    assert suspended.form["properties"]["decision"]["enum"] == ["approve", "decline"]
    assert {"decision", "name"} <= set(suspended.form["required"])
    assert any(route in suspended.shown for route in ENDINGS.values())
    assert "reset_canary" in suspended.shown.replace("\\_", "_")
