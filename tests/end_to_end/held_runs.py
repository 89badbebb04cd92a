"""Runs that are held in a phase of theirs, each by a line of its own to CCT or to Slack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from cct_ops.ledger.gate import locks
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.incidents import Metric
from tests.controller.wire import Answer, Request, wire
from tests.end_to_end.conftest import Stack
from tests.end_to_end.test_approval import is_suspended, question
from tests.plain import HTTP
from tests.stack.polling import eventually

STATUS, RESET, DISABLE = (f"/api/v1/canary/{what}" for what in ("status", "reset", "disable"))
SLACK = "/slack/"
BAD: Mapping[Metric, float] = {"error_rate_percent": 20.0}
# Longer than any restart takes: nobody gives up waiting for an answer that is held.
PATIENT = {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "240", "CCT_OPS_APPROVAL_MINUTES": "60"}
WATCHED = {"CCT_OPS_WATCH_SECONDS": "5"}


@dataclass
class Held:
    """Passes requests on, and keeps back the answer to the nth one below the path."""

    target: str
    path: str
    nth: int = 1
    waiting: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: int = 0

    def __call__(self, request: Request) -> Answer:
        """Answer as the target does, when it is time."""
        given = {"content-type", "x-api-key", "authorization"}
        headers = {name: text for name, text in request.headers.items() if name.lower() in given}
        answer = HTTP.request(
            request.method, f"{self.target}{request.path}", content=request.body, headers=headers
        )
        if request.path.startswith(self.path):
            with self._lock:
                self._seen += 1
                held = self._seen == self.nth
            if held:
                self.waiting.set()
                self.go.wait(300)
        return Answer(answer.status_code, answer.content)


@dataclass(frozen=True)
class Phase:
    """Where a run is held, what it looks at, and how it ends all the same."""

    route: Route
    path: str | None
    outcome: str
    writes: int = 1
    nth: int = 1
    mode: str = "auto"


PHASES = {
    "asking": Phase(Route.PRE_MARKET_BRIEFING, None, "Resolved", mode="approve"),
    "looking": Phase(Route.END_OF_DAY_SUMMARY, STATUS, "Resolved"),
    "under lock": Phase(Route.INTRADAY_CHECK, STATUS, "Resolved", nth=2),
    "sent and not answered": Phase(Route.DAILY_SUMMARY, RESET, "Resolved"),
    "watching": Phase(Route.WEEKLY_ANALYSIS, STATUS, "Resolved", nth=4),
    "undoing": Phase(Route.WEEKLY_REVIEW, DISABLE, "Undone", writes=2),
    # Of a page on which another run waits for its yes: it only looks.
    "reporting": Phase(Route.PRE_MARKET_BRIEFING, SLACK, "Recommended", writes=0, mode="observe"),
}


@contextmanager
def held_runs(stack: Stack) -> Iterator[tuple[dict[str, UUID], Callable[[], None]]]:
    """Yield a run in each phase, and what lets all of them go on, the person's yes included."""
    runs: dict[str, UUID] = {}
    gates: list[Held] = []
    with ExitStack() as lines:
        for phase, wanted in PHASES.items():
            if wanted.path == SLACK:  # it waits for ten seconds only, so it begins last
                eventually(lambda: all(gate.waiting.is_set() for gate in gates), seconds=180)
                eventually(lambda: asked(stack, runs["asking"]), seconds=120)
            else:
                pull(stack.sandbox, wanted.route)
            if wanted.outcome == "Undone":  # what was put back serves badly, and is taken away
                stack.sandbox.profile(wanted.route, canary=BAD, requests_per_second=50)
            env = PATIENT | WATCHED
            if wanted.path is not None:
                held = Held(stack.sandbox.base_url, wanted.path, wanted.nth)
                url = lines.enter_context(wire(held)).url
                slack = {"CCT_OPS_SLACK_API_URL": f"{url}/slack/api/"}
                env |= slack if wanted.path == SLACK else {"CCT_URL": url}
                gates.append(held)
            given = {"target": wanted.route.value, "mode": wanted.mode}
            runs[phase] = stack.start("auto-rollback", env, **given)
        eventually(gates[-1].waiting.is_set, seconds=120)

        def let_go() -> None:
            for gate in gates:
                gate.go.set()
            answer = {"decision": "approve", "name": "Ada", "note": "Go."}
            stack.client.resume_flow_run(runs["asking"], run_input=answer)

        yield runs, let_go
        for gate in gates:
            gate.go.set()


def pull(sandbox: SandboxControl, route: Route) -> None:
    """Let CCT have pulled the route's canary."""
    sandbox.roll_back(route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def asked(stack: Stack, run: UUID) -> bool:
    """Whether the run is suspended and its form was saved."""
    return is_suspended(stack.client, run) and question(stack.client, run) is not None


def in_their_phases(stack: Stack, runs: dict[str, UUID]) -> None:
    """See that each is where its name says, by the ledger."""
    known = {phase: account.of_run(stack.engine, run) for phase, run in runs.items()}
    assert not [phase for phase, each in known.items() if each.outcome is not None]
    for phase in ("under lock", "sent and not answered", "watching", "undoing"):
        holder = locks.holder(stack.engine, PHASES[phase].route.value)
        assert holder is not None, phase
        assert holder[0] == runs[phase]
    assert known["looking"].decisions == ()
    assert known["under lock"].actions == ()
    assert [each.state for each in known["sent and not answered"].actions] == ["intended"]
    assert [each.state for each in known["watching"].actions] == ["confirmed"]
    assert known["watching"].verifications == ()
    assert [(each.kind, each.state) for each in known["undoing"].actions] == [
        ("change", "confirmed"),
        ("restore", "intended"),
    ]
    assert [each.verdict for each in known["reporting"].decisions] == ["Recommended"]
