"""A key that CCT refused is known to everybody, and sent by nobody until it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import KeyRefused, OpsError, Unavailable
from cct_ops.ledger.gate import refused_keys
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.refused_keys import LedgerKeys
from cct_ops.ledger.gate.tables import refused_keys as table
from cct_ops.sandbox.control import SandboxControl
from tests.clients.parts import KEY, Wire, once, refusal
from tests.conftest import API_KEY

WRONG, ALSO_WRONG = "not-a-key-of-the-sandbox", "nor-is-this-one"
PATHS = (
    "canary/status",
    "canary/history",
    "canary/rollbacks",
    "canary/metrics",
    "slo/status",
    "slo/breaches",
    "exemptions/report",
    "security/status",
)


class Process:
    """A process of ours: what it knows by itself, and what all know by the ledger."""

    def __init__(self, engine: sa.Engine, cct: str, key: str = WRONG) -> None:
        self.pacer = LedgerPacer(engine, cct, limit=600, kept_for_writes=6)
        self.keys = LedgerKeys(engine, cct)
        self.url, self.key = cct, SecretStr(key)

    def transport(self) -> CctTransport:
        """Open CCT."""
        return CctTransport(self.url, self.key, self.pacer, keys=self.keys)

    def read(self, path: str = "canary/status") -> OpsError | None:
        """Read once, and return how it failed."""
        with self.transport() as transport:
            try:
                transport.read(path)
            except OpsError as error:
                return error
        return None


@pytest.fixture
def process(engine: sa.Engine, sandbox: SandboxControl) -> Callable[..., Process]:
    """Make a process of ours against a sandbox that locks addresses."""
    sandbox.reset(limits=True)
    return lambda key=WRONG: Process(engine, sandbox.base_url, key)


def scripted(wire: Callable[[httpx.Request], httpx.Response], keys: LedgerKeys) -> CctTransport:
    """Open a CCT whose answers are scripted."""
    return CctTransport(
        "http://cct", KEY, Unpaced(), transport=httpx.MockTransport(wire), keys=keys
    )


def refusals(sandbox: SandboxControl) -> list[int | None]:
    """The answers to requests that were no good."""
    return [each.status for each in sandbox.requests() if (each.status or 0) >= 400]


def test_of_several_runs_with_many_probes_at_once_one_request_is_wrong(
    sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    runs = [process() for _ in range(3)]

    with ThreadPoolExecutor(len(PATHS) * 3) as pool:
        errors = list(pool.map(lambda each: each[0].read(each[1]), [
            (run, path) for run in runs for path in PATHS
        ]))  # fmt: skip

    assert [type(error) for error in errors] == [KeyRefused] * len(errors)
    assert refusals(sandbox) == [401]


def test_it_is_not_tried_again_when_ccts_lock_would_be_over(
    sandbox: SandboxControl, process: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_COMMAND", ".venv/bin/cct-ops")
    process().read()
    sandbox.advance_clock(1000)

    error = process().read()

    assert isinstance(error, KeyRefused)
    assert "it is not sent again: set X_API_KEY" in str(error)
    assert "or run `.venv/bin/cct-ops retry-key` if" in str(error)
    assert "Invalid or missing API key" in str(error)
    assert len(sandbox.requests()) == 1


def test_a_rotated_key_works_at_once_and_the_old_one_stays_refused(
    sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    process(WRONG).read()
    process(ALSO_WRONG).read()

    assert process(API_KEY).read() is None
    assert isinstance(process(WRONG).read(), KeyRefused)
    assert refusals(sandbox) == [401, 401]


def test_one_runs_refusal_is_not_the_answer_to_another_runs_good_key(engine: sa.Engine) -> None:
    """Reads are shared; what CCT says of one key is not."""
    begun, go = threading.Event(), threading.Event()

    def wire(request: httpx.Request) -> httpx.Response:
        if request.headers["X-API-Key"] == WRONG:
            begun.set()
            go.wait(30)
            return httpx.Response(401, content=refusal("Invalid", "UNAUTHORIZED"))
        return httpx.Response(200, content=once({}))

    def read(key: str) -> object:
        pacer = LedgerPacer(engine, "http://cct", limit=600, kept_for_writes=6)
        keys = LedgerKeys(engine, "http://cct")
        with CctTransport(
            "http://cct", SecretStr(key), pacer, transport=httpx.MockTransport(wire), keys=keys
        ) as transport:
            return transport.read("canary/status")

    with ThreadPoolExecutor(2) as pool:
        bad = pool.submit(read, WRONG)
        begun.wait(30)
        good = pool.submit(read, API_KEY)
        go.set()
        assert good.result() == {}
        with pytest.raises(KeyRefused):
            bad.result()


def test_a_key_that_was_good_is_refused_once_when_cct_forgets_it(engine: sa.Engine) -> None:
    wire = Wire(content=once({}))
    keys = LedgerKeys(engine, "http://cct")

    def read(path: str) -> None:
        with scripted(wire, keys) as transport, suppress(KeyRefused):
            transport.read(path)

    read("canary/status")
    wire.status, wire.content = 401, refusal("Invalid", "UNAUTHORIZED")
    for path in PATHS:
        read(path)

    assert len(wire.requests) == 2


def test_once_cct_took_the_key_many_requests_are_under_way_at_once(engine: sa.Engine) -> None:
    together = threading.Barrier(len(PATHS))
    first = Wire(content=once({}))

    def wire(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("i"):
            together.wait(30)
        return first(request)

    keys = LedgerKeys(engine, "http://cct")
    with scripted(wire, keys) as transport:
        transport.read("canary/status")
        with ThreadPoolExecutor(len(PATHS)) as pool:
            read = pool.map(lambda i: transport.read("canary/status", i=i), range(1, 9))
            assert list(read) == [{}] * len(PATHS)


def test_public_endpoints_are_asked_without_the_key_and_prove_nothing(
    sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    run = process()
    with run.transport() as transport:
        assert CctReader(transport).health().answered
        assert CctReader(transport).symbols(as_canary=False)
    run.read()
    with run.transport() as transport:
        assert CctReader(transport).health().answered
        assert CctReader(transport).symbols(as_canary=True)

    assert refusals(sandbox) == [401]


def test_a_missing_endpoint_does_not_show_that_the_key_is_taken(
    sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    sandbox.reset(dialect="bare", limits=True)
    run = process()
    run.read("canary/status")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run.read, ["reports/pre-market", "security/status"] * 3))

    assert sorted(filter(None, refusals(sandbox))) == [401, 404]


def test_a_write_with_a_refused_key_is_not_even_journalled(
    sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    run = process()
    run.read()
    journal: list[str] = []

    @contextmanager
    def allowed() -> Iterator[None]:
        journal.append("intended")
        yield

    with run.transport() as transport, pytest.raises(KeyRefused):
        transport.write("POST", "canary/reset", {}, None, allowed=allowed())

    assert (journal, refusals(sandbox)) == ([], [401])


def test_a_locked_key_is_left_alone_until_its_lock_is_over(engine: sa.Engine) -> None:
    """CCT says 423 of the key and for how long; whether it is wrong it does not say."""
    wire = Wire(423, refusal("Locked", "API_KEY_LOCKED_OUT"), {"Retry-After": "900"})
    said = []
    for _ in range(2):
        with (
            scripted(wire, LedgerKeys(engine, "http://cct")) as transport,
            pytest.raises(KeyRefused) as caught,
        ):
            transport.read("canary/status")
        said.append(str(caught.value))

    assert "423 API_KEY_LOCKED_OUT" in said[0]
    assert "is not sent before" in said[1]
    assert len(wire.requests) == 1
    with engine.begin() as tx:
        tx.execute(sa.update(table).values(until=sa.text("clock_timestamp() - interval '1 s'")))
    with scripted(wire, LedgerKeys(engine, "http://cct")) as transport, pytest.raises(KeyRefused):
        transport.read("canary/status")
    assert len(wire.requests) == 2


def test_a_locked_address_ends_reads_at_once_and_is_not_asked_again(engine: sa.Engine) -> None:
    locked = Wire(
        429, refusal("IP rate limit exceeded", "IP_RATE_LIMIT_EXCEEDED"), {"Retry-After": "900"}
    )
    pacer = LedgerPacer(engine, "http://cct", limit=600, kept_for_writes=6)
    with CctTransport("http://cct", KEY, pacer, transport=httpx.MockTransport(locked)) as transport:
        for _ in range(3):
            with pytest.raises(Unavailable, match="429") as caught:
                transport.read("canary/status")
            assert (caught.value.retry_after_seconds or 0) > 600

    assert len(locked.requests) == 1


def test_a_person_may_say_that_the_key_is_taken_by_now(
    engine: sa.Engine, sandbox: SandboxControl, process: Callable[..., Process]
) -> None:
    process().read()

    assert refused_keys.forget(engine) == 1
    process().read()

    assert refusals(sandbox) == [401, 401]


def test_the_ledger_holds_no_key_and_no_quick_hash_of_one(
    engine: sa.Engine, process: Callable[..., Process]
) -> None:
    process().read()

    with engine.connect() as connection:
        row = connection.execute(sa.select(table)).one()
        shared = connection.execute(sa.text("select * from readings")).all()
    assert WRONG not in str(row)
    assert shared == []
    assert len(row.digest) == 128
