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
