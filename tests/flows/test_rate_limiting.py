"""Requests are refused: who is helped, for how long, and who is not."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy as sa
from prefect import flow

from cct_ops.diagnoses.limits import Burst
from cct_ops.diagnoses.rate_limiting import Fix, LimitDiagnosis, RateLimitOptions
from cct_ops.ledger.gate import changes
from cct_ops.models.cct import LimitClass, RateLimit
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.rate_limiting import rate_limiting
from tasks.connections import settings
from tasks.diagnose_limits import diagnose_limit, send_burst
from tests.flows.run_assertions import final, report_of

CANARY = LimitClass.CANARY


@pytest.fixture
def our_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy that we ship; the one of these tests lets the playbook act alone."""
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", "deployments/policy.yaml")
    settings.cache_clear()


run = partial(final, rate_limiting, CANARY)


@flow(name="looking at limits")
def look(fix: Fix = Fix.RECOMMENDED) -> LimitDiagnosis:
    """Diagnose, inside a run as probes must be."""
    return diagnose_limit(CANARY, RateLimitOptions(fix=fix))


@flow(name="bursting")
def burst(target: LimitClass, per_second: int) -> Burst | None:
    """Send a burst after a tenth of a second of silence."""
    limit = RateLimit(max_requests=per_second, window_ms=1000)
    return send_burst(target, limit, silence_seconds=0.1)


def limit(sandbox: SandboxControl) -> int:
    """The canary class's limit, in truth."""
    return sandbox.state().rate_limits.limits[CANARY].max_requests


@pytest.mark.usefixtures("upkeep")
def test_a_limit_that_is_too_small_is_raised_for_a_while(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.demand("ann", 60, refusals=5)
    sandbox.demand("ben", 70, refusals=9)

    ended = run(mode=Mode.AUTO)

    assert (ended.name, limit(sandbox)) == ("Resolved", 90)
    assert "ben 9, ann 5" in report_of(ended)
    (change,) = changes.listed(engine)
    assert change.before == "50 requests per 60 s"


@pytest.mark.usefixtures("our_policy")
def test_our_policy_asks_a_person(sandbox: SandboxControl) -> None:
    sandbox.demand("ann", 60)

    ended = run(mode=Mode.AUTO)

    assert "Approve mode needs a run that can be suspended" in (ended.message or "")
    assert (sandbox.writes(), limit(sandbox)) == ([], 50)


def test_observe_mode_only_recommends(sandbox: SandboxControl) -> None:
    sandbox.demand("ann", 60)

    ended = run(mode=Mode.OBSERVE)

    assert (ended.name, sandbox.writes()) == ("Recommended", [])
    assert "for 60.0 minutes" in report_of(ended) or "for 60 minutes" in report_of(ended)


def test_abuse_is_named_and_not_rewarded(sandbox: SandboxControl) -> None:
    sandbox.demand("bot", 900, refusals=40)
    sandbox.demand("ann", 20)

    ended = run(mode=Mode.AUTO)

    assert (ended.name, sandbox.writes()) == ("Recommended", [])
    assert "bot (900)" in (ended.message or "")


def test_without_refusals_a_burst_shows_that_we_pass(sandbox: SandboxControl) -> None:
    """Six seconds of silence, five requests, all of them answered."""
    ended = run(mode=Mode.AUTO)

    assert ended.name == "Nothing to do"
    assert "5 requests, none refused" in report_of(ended)
    *_, last_look, first, _, _, _, _ = sandbox.requests()
    assert (first.at - last_look.at).total_seconds() >= 6


@pytest.mark.parametrize(
    ("target", "per_second", "sent"),
    [(CANARY, 30, 3), (LimitClass.EXEMPTIONS, 1000, 5), (LimitClass.BULK, 1000, None)],
)
def test_a_burst_spends_what_the_silence_earned_and_no_more(
    sandbox: SandboxControl, target: LimitClass, per_second: int, sent: int | None
) -> None:
    """Never more than five, and nothing where there is nothing to read."""
    seen = burst(target, per_second)

    assert (seen.sent if seen else None) == sent
    assert len(sandbox.requests()) == (sent or 0)


def test_a_burst_stops_at_the_first_refusal(sandbox: SandboxControl) -> None:
    """One more request would only hold off the refill."""
    sandbox.faults(Fault(path="/api/v1/canary/", too_many_requests_retry_after="1"))

    assert burst(CANARY, 1000) == Burst(sent=1, refused=True)
    assert len(sandbox.requests()) == 1
