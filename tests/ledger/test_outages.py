"""A ledger that goes away and comes back: who waits for it, and who is refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.pacing import Answer
from cct_ops.errors import Unavailable
from cct_ops.ledger.engine import connect, patient
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.statements import within
from tests.worker.relay import Relay, relay

LONG = 300.0


@pytest.fixture
def line(ledger_url: SecretStr) -> Iterator[Relay]:
    """The line to the ledger."""
    with relay(ledger_url.get_secret_value()) as line:
        yield line


@pytest.fixture
def far(line: Relay) -> Iterator[sa.Engine]:
    """The ledger at the end of the line, with a connection that was open before."""
    engine = connect(SecretStr(line.url))
    assert answers(engine)
    yield engine
    engine.dispose()


def answers(engine: sa.Engine) -> bool:
    """Ask the ledger something."""
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.true())).scalar_one()


def test_a_patient_connection_waits_until_the_ledger_is_back(
    line: Relay, far: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        """Mend the line only when it was tried in vain for a second time."""
        pauses.append(seconds)
        if len(pauses) == 2:
            line.mend()

    line.cut()
    monkeypatch.setattr("time.sleep", pause)

    with patient(LONG):
        assert answers(far)

    assert len(pauses) == 2


def test_patience_has_an_end(line: Relay, far: sa.Engine) -> None:
    line.cut()

    with patient(0.3), pytest.raises(sa.exc.OperationalError):
        answers(far)


def test_nobody_else_waits(line: Relay, far: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the block it is as before; another thread has patience of its own, or none."""
    line.cut()
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))

    with patient(LONG), ThreadPoolExecutor(1) as pool:
        other = pool.submit(answers, far)
    assert isinstance(other.exception(), sa.exc.OperationalError)
    with pytest.raises(sa.exc.OperationalError):
        answers(far)


def test_a_read_in_whose_middle_the_ledger_goes_away_may_be_repeated(
    line: Relay, far: sa.Engine
) -> None:
    def send() -> Answer:
        """Answer when there is nobody left to note it."""
        line.cut()
        return Answer(200, {}, b"{}")

    pacer = LedgerPacer(far, "http://cct", limit=10, kept_for_writes=1)

    with pytest.raises(Unavailable, match="The ledger went away during a read"):
        pacer.read("canary", send)
    line.mend()
    assert pacer.read("canary", lambda: Answer(200, {}, b"{}")).status == 200


class Cut:
    """A transaction whose connection the server ends in its body, or right before its commit."""

    def __init__(self, engine: sa.Engine, *, in_body: bool) -> None:
        self.engine, self.in_body, self.begun = engine, in_body, 0

    def __call__(self, tx: sa.Connection) -> int:
        """Do so once."""
        self.begun += 1
        if self.begun == 1:
            process = tx.scalar(sa.select(sa.func.pg_backend_pid()))
            with self.engine.connect() as other:
                other.execute(sa.select(sa.func.pg_terminate_backend(process, 10_000)))
            if self.in_body:
                tx.execute(sa.select(1))
        return self.begun


@pytest.mark.parametrize(
    ("in_body", "repeatable"), [(True, False), (True, True), (False, True)], ids=str
)
def test_a_patient_transaction_that_is_cut_begins_anew_where_that_does_nothing_twice(
    engine: sa.Engine, in_body: bool, repeatable: bool
) -> None:
    cut = Cut(engine, in_body=in_body)

    with patient(LONG):
        assert within(engine, cut, repeatable=repeatable) == 2


@pytest.mark.parametrize(
    ("in_body", "repeatable", "seconds"), [(False, False, LONG), (True, True, 0.0)], ids=str
)
def test_where_it_could_and_where_nobody_waits_it_is_an_error(
    engine: sa.Engine, in_body: bool, repeatable: bool, seconds: float
) -> None:
    cut = Cut(engine, in_body=in_body)

    with patient(seconds), pytest.raises(sa.exc.OperationalError):
        within(engine, cut, repeatable=repeatable)

    assert cut.begun == 1
