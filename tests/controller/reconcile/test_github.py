"""A hook that could not deliver: GitHub is asked page by page, and asked to send again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import HttpUrl, SecretStr

from cct_ops.config.sources import KeyReference, Reconciliation
from cct_ops.controller.reconcile import github
from cct_ops.controller.reconcile.github import Deliveries
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.intake.tables import incidents
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededDelivery, SeededHook
from tests.controller.wire import Answer, Request, Wire, wire
from tests.gateway.running import running
from tests.gateway.signing import SECRET, firing, sources
from tests.stack.polling import eventually

NOW = datetime.now(UTC)
HOOK = "/github/repos/example/cct/hooks/1"


@pytest.fixture
def asked(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> Reconciliation:
    """The sandbox's hook."""
    monkeypatch.setenv("API_KEY", "a-key-of-ours")
    return Reconciliation(url=HttpUrl(f"{sandbox.base_url}{HOOK}"), key=KeyReference(env="API_KEY"))


def seed(sandbox: SandboxControl, listed: Sequence[SeededDelivery], url: str = "") -> None:
    """Let the hook have made these attempts."""
    hook = SeededHook(url=url or "http://127.0.0.1:9/", secret=SECRET, deliveries=tuple(listed))
    sandbox.seed_github(GitHubSeed(hooks=(hook,)))


def attempts(sandbox: SandboxControl) -> list[str]:
    """Return what was asked for again."""
    return [each for each in sandbox.github().writes if each.endswith("/attempts")]


def test_only_what_is_missing_is_asked_for(
    engine: sa.Engine, sandbox: SandboxControl, asked: Reconciliation
) -> None:
    """Neither what arrived in the end, nor what was in vain so often, nor what is too old."""
    made = [
        ("failed", 502, 0),
        ("failed", 0, 60),
        ("arrived", 202, 0),
        ("arrived", 500, 60),
        ("here", 504, 0),
        ("old", 500, 72 * 60),
        *(("in vain", 500, n) for n in range(github.ATTEMPTS)),
    ]
    seed(sandbox, [SeededDelivery(guid=g, status=s, minutes_ago=m) for g, s, m in made])
    deliveries.record_all(engine, [Incoming("github", b"{}", [], sender_id="here")])

    assert Deliveries(engine, "github", asked)() == 1
    assert attempts(sandbox) == ["POST example/cct/hooks/1/deliveries/1/attempts"]


def test_what_failed_long_before_the_newest_page_is_sent_again_and_taken_in(
    engine: sa.Engine,
    ledger_url: SecretStr,
    sandbox: SandboxControl,
    asked: Reconciliation,
    tmp_path: Path,
) -> None:
    """The gateway was away; hundreds of good deliveries later GitHub sends it once more, signed."""
    (tmp_path / "key").write_text(SECRET)
    keys = [{"file": str(tmp_path / "key")}]
    (tmp_path / "sources.yaml").write_text(json.dumps({"sources": sources(keys)}))
    missed = SeededDelivery(
        guid="missed", body=firing(7, kind="github").decode(), status=502, minutes_ago=40 * 60
    )
    good = [SeededDelivery(guid=f"good-{n}", minutes_ago=n) for n in range(350)]
    settings = str(tmp_path / "sources.yaml")
    with running(
        ledger_url.get_secret_value(), tmp_path / "log", CCT_OPS_SOURCES_PATH=settings
    ) as gateway:
        seed(sandbox, [*good, missed], f"{gateway.sender.base_url}/hooks/github")
        look = Deliveries(engine, "github", asked)
        assert look() == 1
        eventually(lambda: opened(engine) == ["lint"])
        assert look() == 0

    assert len(attempts(sandbox)) == 1


def opened(engine: sa.Engine) -> list[str]:
    """Return the checks that have an incident."""
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(incidents.c.labels["check"].astext)))


@pytest.fixture
def sender() -> Iterator[Wire]:
    """Stand where GitHub stands."""
    with wire(lambda _: Answer(404, b"{}")) as server:
        yield server


def test_it_looks_no_further_back_than_to_what_is_still_missing(
    engine: sa.Engine, sender: Wire, asked: Reconciliation
) -> None:
    """Hundreds of pages every three minutes would be a burden; a cursor is all it follows."""
    hooked = asked.model_copy(update={"url": HttpUrl(f"{sender.url}/base")})
    status = {"missing": 500}

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(202, b"{}")
        number = int(request.path.partition("cursor=v1_")[2] or 0)
        guid = "missing" if number == 2 else f"page-{number}"
        at = (NOW - timedelta(hours=number)).isoformat()
        entry = {"id": number, "guid": guid, "delivered_at": at}
        body = json.dumps([entry | {"status_code": status.get(guid, 202)}]).encode()
        elsewhere = f'<https://elsewhere.invalid/?cursor=v1_{number + 1}>; rel="next"'
        return Answer(200, body, {"Link": elsewhere} if number < 9 else {})

    def pages() -> int:
        asked_before = len(sender.requests)
        look()
        made = sender.requests[asked_before:]
        return sum(each.method == "GET" for each in made)

    sender.behave = answer
    look = Deliveries(engine, "github", hooked)
    assert pages() == 10
    assert pages() == 4, "to the page behind the one with what is missing"
    status["missing"] = 202
    assert pages() == 4
    assert pages() == 2
