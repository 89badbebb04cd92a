"""One client for every dialect of CCT: its endpoints, their equivalents, or a sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cct_ops.actions.operator import CctOperator
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport, handlers_only
from cct_ops.errors import NotPermitted, Unsupported
from cct_ops.models.cct import LimitClass
from cct_ops.models.plan import Call, Scalar
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Dialect, SeedExemption
from tests.clients.parts import ROUTE, RecordingChecker, permit

OVERDUE = SeedExemption(jira_reference="OPS-1", days_left=-1)
SOON = SeedExemption(jira_reference="OPS-2", days_left=3)


def perform(transport: CctTransport, method: str, **arguments: Scalar) -> RecordingChecker:
    """Carry out one call that everything is permitted for, and return the journal."""
    checker, call = RecordingChecker(), Call(method=method, arguments=arguments)
    CctOperator(permit(call), checker, transport).perform(call)
    return checker


def sent(sandbox: SandboxControl) -> tuple[str, object]:
    """The one write that was sent: its verb with the query, and its body."""
    (write,) = sandbox.writes()
    query = "&".join(f"{name}={value}" for name, value in sorted(write.query.items()))
    return f"{write.path.removeprefix('/api/v1/')}?{query}".rstrip("?"), write.body


@pytest.mark.parametrize("dialect", ["runbook", "handlers-only"])
def test_the_dialect_is_found_out(
    sandbox: SandboxControl, transport: CctTransport, dialect: Dialect
) -> None:
    """By what CCT's own handlers lack; also where an unknown verb is a 500."""
    sandbox.reset(dialect=dialect)

    assert handlers_only(transport, "canary") is (dialect == "handlers-only")
    assert handlers_only(transport, "exemptions") is (dialect == "handlers-only")
    assert sandbox.writes() == []


@pytest.mark.parametrize(
    ("dialect", "call", "expected"),
    [
        ("runbook", "expire_exemptions", ("exemptions/cleanup", None)),
        ("handlers-only", "expire_exemptions", ("exemptions/maintenance", {"task": "cleanup"})),
        ("runbook", "revalidate_exemptions", ("exemptions/revalidate", None)),
        ("runbook", "reset_exemptions", ("exemptions/reset", None)),
    ],
)
def test_a_write_takes_the_path_that_this_cct_has(
    sandbox: SandboxControl,
    transport: CctTransport,
    dialect: Dialect,
    call: str,
    expected: tuple[str, object],
) -> None:
    """One write, journalled once, wherever it goes."""
    sandbox.reset(dialect=dialect)
    sandbox.exemptions(OVERDUE, SOON)

    checker = perform(transport, call)

    assert sent(sandbox) == expected
    assert [word for word, _ in checker.journal] == ["intended", "sent"]


@pytest.mark.parametrize("dialect", ["runbook", "handlers-only"])
def test_a_canary_is_promoted_in_either_dialect(
    sandbox: SandboxControl, transport: CctTransport, dialect: Dialect
) -> None:
    sandbox.reset(dialect=dialect)

    perform(transport, "promote_canary", route=ROUTE)

    assert sandbox.state().routes[ROUTE].percentage == 100
    assert len(sandbox.writes()) == 1


def test_disabling_needs_no_equivalent(sandbox: SandboxControl, transport: CctTransport) -> None:
    """CCT's own handler wants the route in the query, where we put it anyway."""
    sandbox.reset(dialect="handlers-only")
    sandbox.set_canary(ROUTE, 20)

    perform(transport, "disable_canary", route=ROUTE)

    assert not sandbox.state().routes[ROUTE].enabled


@pytest.mark.parametrize("dialect", ["runbook", "handlers-only"])
def test_what_is_overdue_can_be_read_in_either_dialect(
    sandbox: SandboxControl, reader: CctReader, dialect: Dialect
) -> None:
    """Without an endpoint of its own, by the report's upcoming ones that are past."""
    sandbox.reset(dialect=dialect)
    sandbox.exemptions(OVERDUE, SOON)

    (overdue,) = reader.expired_exemptions()

    assert (overdue.jira_reference, overdue.status) == ("OPS-1", "active")


def test_records_come_from_validation(sandbox: SandboxControl, reader: CctReader) -> None:
    """It is asked by a POST that changes nothing, and of some files only if they are named."""
    sandbox.exemptions(OVERDUE, SeedExemption(file="lib/b.js"))
    before = sandbox.state()

    assert reader.validate_exemptions().total_exemptions == 2
    assert reader.validate_exemptions(["lib/*"]).exemptions[0].file == "lib/b.js"
    assert (sandbox.state(), sandbox.writes()) == (before, [])


Act = Callable[[CctTransport], object]


@pytest.mark.parametrize(
    ("dialect", "act", "words"),
    [
        ("handlers-only", lambda t: CctReader(t).exemption_health(), "exemptions/report shows"),
        (
            "handlers-only",
            lambda t: perform(t, "reset_exemptions"),
            "revoke ends one record at a time",
        ),
        (
            "handlers-only",
            lambda t: perform(t, "reset_canary", route=ROUTE),
            "nearest is canary/enable",
        ),
        (
            "handlers-only",
            lambda t: CctReader(t).rate_limit_status(),
            "no administration of rate limits",
        ),
        ("handlers-only", lambda t: CctReader(t).slo_status(5), "no SLO monitoring"),
        ("bare", lambda t: CctReader(t).expired_exemptions(), "no exemption management"),
        ("bare", lambda t: perform(t, "expire_exemptions"), "no exemption management"),
        ("bare", lambda t: perform(t, "promote_canary", route=ROUTE), "no canary administration"),
        ("bare", lambda t: perform(t, "clear_rate_limits"), "no administration of rate limits"),
    ],
)
def test_what_has_no_equivalent_is_said(
    sandbox: SandboxControl, transport: CctTransport, dialect: Dialect, act: Act, words: str
) -> None:
    """In one sentence that names the nearest, and nothing is changed."""
    sandbox.reset(dialect=dialect)
    before = sandbox.state()

    with pytest.raises(Unsupported, match=words):
        act(transport)

    assert sandbox.state() == before


def test_a_rate_limit_is_set(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    """In the runbook's own words, and read back as a number."""
    perform(
        transport, "set_rate_limit", endpoint="canaryManagement", max_requests=100, window_ms=60_000
    )

    body = {"endpoint": "canaryManagement", "maxRequests": 100, "windowMs": 60_000}
    assert sent(sandbox) == ("rate-limit/config", body)
    assert reader.rate_limit_config().limits[LimitClass.CANARY].max_requests == 100


def test_a_user_is_reset(
    sandbox: SandboxControl, transport: CctTransport, reader: CctReader
) -> None:
    sandbox.demand("ann & co", 10, starved=True, refusals=2)
    assert len(reader.rate_limit_events(1)) == 2

    perform(transport, "reset_user_limit", user="ann & co")

    assert not reader.rate_limit_status().users[0].blocked


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("reset_user_limit", {"user": ""}),
        ("set_rate_limit", {"endpoint": "everything", "max_requests": 1, "window_ms": 1}),
        ("set_rate_limit", {"endpoint": "canaryManagement", "max_requests": 0, "window_ms": 1}),
    ],
)
def test_a_senseless_change_is_not_sent(
    sandbox: SandboxControl, transport: CctTransport, method: str, arguments: dict[str, Scalar]
) -> None:
    """A limit of nothing would lock everybody out, and a reset of nobody means everybody."""
    with pytest.raises(NotPermitted, match="Nothing was sent"):
        perform(transport, method, **arguments)

    assert sandbox.requests() == []
