"""The reader against the sandbox: a real process that behaves like CCT."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import ContractBroken, Rejected, Unavailable, Unsupported
from cct_ops.models.cct import Compliance, Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.clients.parts import ROUTE, RecordingPacer
from tests.conftest import API_KEY
from tests.plain import HTTP

WRONG_KEY = "a-wrong-key"

Read = Callable[[CctReader], object]
READS: list[Read] = [
    CctReader.canary_status,
    lambda cct: cct.canary_history(10),
    CctReader.canary_rollbacks,
    CctReader.canary_metrics,
    lambda cct: cct.slo_status(60),
    lambda cct: cct.slo_breaches(1),
    CctReader.exemption_health,
    CctReader.exemption_report,
    CctReader.exemption_weekly_report,
    CctReader.expired_exemptions,
    CctReader.rate_limit_status,
    lambda cct: cct.rate_limit_events(1),
    CctReader.rate_limit_config,
    CctReader.health,
]


def test_the_canary_is_read(sandbox: SandboxControl, reader: CctReader) -> None:
    """Status and traffic cover exactly the six routes."""
    sandbox.set_canary(ROUTE, 35)

    status, metrics = reader.canary_status(), reader.canary_metrics()

    assert set(status.routes) == set(metrics.routes) == set(Route)
    assert (status.routes[ROUTE].enabled, status.routes[ROUTE].percentage) == (True, 35)
    assert metrics.routes[ROUTE].percentage == 35


def test_a_rollback_is_read(sandbox: SandboxControl, reader: CctReader) -> None:
    """It shows in the rollbacks, in the history and among the breaches."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000)

    (rollback,), (entry,), (breach,) = (
        reader.canary_rollbacks(),
        reader.canary_history(1),
        reader.slo_breaches(1),
    )

    assert rollback == entry
    assert (rollback.endpoint, rollback.rollback_action.canary_disabled) == (ROUTE, True)
    assert (breach.endpoint, breach.type) == (ROUTE, "response_time")
    assert not reader.canary_status().routes[ROUTE].enabled


def test_objectives_are_read(sandbox: SandboxControl, reader: CctReader) -> None:
    """One verdict for each of the six routes, and none without samples."""
    sandbox.profile(ROUTE, slo_sample_size=0)

    statuses = {status.endpoint: status for status in reader.slo_status(15)}

    assert set(statuses) == set(Route)
    assert statuses[ROUTE].sample_size == 0
    assert statuses["/daily-summary"].compliance_status.availability in set(Compliance)
    assert sandbox.requests()[-1].query == {"windowMin": "15"}


@pytest.mark.parametrize("read", READS)
def test_a_read_changes_nothing(sandbox: SandboxControl, reader: CctReader, read: Read) -> None:
    """Each is one GET that leaves the state as it was."""
    before = sandbox.state()

    read(reader)

    assert sandbox.state() == before
    assert sandbox.writes() == []
    assert [request.method for request in sandbox.requests()] == ["GET"]


@pytest.mark.parametrize("read", READS[:-1])
def test_a_bare_cct_is_unsupported(sandbox: SandboxControl, reader: CctReader, read: Read) -> None:
    """CCT as its repository deploys it has none of this, and says so to any key."""
    sandbox.reset(dialect="bare")

    with pytest.raises(Unsupported, match=r"^This CCT has no .*404 NOT_FOUND.*deploy CCT with"):
        read(reader)


def test_a_bare_cct_is_healthy(sandbox: SandboxControl, reader: CctReader) -> None:
    """Health is mounted in every release."""
    sandbox.reset(dialect="bare")

    assert reader.health().status == "healthy"


def test_milliseconds_in_retry_after_are_recognised(
    sandbox: SandboxControl, reader: CctReader, pacer: RecordingPacer
) -> None:
    """A minute, not sixteen hours; everybody is silenced, once."""
    sandbox.faults(Fault(too_many_requests_retry_after="60000"))

    with pytest.raises(Unavailable) as caught:
        reader.canary_status()

    assert caught.value.retry_after_seconds == 60
    assert pacer.back_offs == [60]


def test_the_limit_of_cct_is_met_with_silence(
    sandbox: SandboxControl, reader: CctReader, pacer: RecordingPacer
) -> None:
    """The 31st request of a minute is refused, and the message says by what."""
    for _ in range(30):
        reader.canary_status()

    with pytest.raises(Unavailable, match="429 IP_RATE_LIMIT_EXCEEDED") as caught:
        reader.canary_status()

    assert caught.value.retry_after_seconds == pytest.approx(60, abs=20)
    assert pacer.back_offs == [caught.value.retry_after_seconds]
    assert len(sandbox.requests()) == 31


def test_a_wrong_key_is_tried_once(sandbox: SandboxControl, pacer: RecordingPacer) -> None:
    """Five tries would lock the address for everybody on it."""
    with CctTransport(sandbox.base_url, SecretStr(WRONG_KEY), pacer) as stranger:
        with pytest.raises(Rejected, match="check X_API_KEY") as caught:
            CctReader(stranger).canary_status()
        assert CctReader(stranger).health().answered

    assert (caught.value.status, caught.value.code) == (401, "UNAUTHORIZED")
    assert WRONG_KEY not in str(caught.value)
    assert [request.status for request in sandbox.requests()] == [401, 200]


def test_a_locked_address_learns_for_how_long(
    sandbox: SandboxControl, pacer: RecordingPacer
) -> None:
    """After the fifth wrong key even a good one has to wait, 15 minutes."""
    with CctTransport(sandbox.base_url, SecretStr(WRONG_KEY), pacer) as stranger:
        for _ in range(5):
            with pytest.raises(Rejected):
                CctReader(stranger).canary_status()

    with (
        CctTransport(sandbox.base_url, SecretStr(API_KEY), pacer) as friend,
        pytest.raises(Unavailable) as caught,
    ):
        CctReader(friend).canary_status()

    assert caught.value.retry_after_seconds == pytest.approx(900, abs=20)


def test_a_share_that_is_no_number_is_none(sandbox: SandboxControl, reader: CctReader) -> None:
    """CCT takes a percentage that is no number and from then on answers null."""
    HTTP.post(
        f"{sandbox.base_url}/api/v1/canary/enable",
        params={"route": ROUTE, "percentage": "many"},
        headers={"X-API-Key": API_KEY},
    ).raise_for_status()

    config = reader.canary_status().routes[ROUTE]

    assert (config.enabled, config.percentage, config.serves) == (True, None, False)


@pytest.mark.parametrize("way", ["missing", "wrong_type"])
def test_a_broken_field_is_named(sandbox: SandboxControl, reader: CctReader, way: str) -> None:
    """Whichever way it is broken."""
    broken = {"malformed": "data.0.thresholds.canaryErrorRate", "malformed_as": way}
    sandbox.faults(Fault.model_validate({"path": "/api/v1/slo/", **broken}))

    with pytest.raises(ContractBroken, match=r"0\.thresholds\.canaryErrorRate"):
        reader.slo_status(60)
