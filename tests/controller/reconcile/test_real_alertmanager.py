"""A real Alertmanager: a gateway that was away, a pair, one that sends to nobody; its matchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pydantic import HttpUrl, SecretStr

from cct_ops.clients.alertmanager import silences
from cct_ops.config.sources import AlertmanagerReconciliation
from cct_ops.controller.reconcile import alertmanager
from cct_ops.ledger.intake.tables import alerts, dispatches, incidents
from cct_ops.models.matchers import parse
from cct_ops.stack.postgres import free_port
from evaluation.soak.twins import BINARY, alertmanagers
from tests.gateway.delivering import count, episodes
from tests.gateway.running import KEY, running
from tests.stack.polling import eventually

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager is installed")


def test_a_pair_that_sends_everything_twice_makes_one_run_for_each_episode(
    engine: sa.Engine, ledger_url: SecretStr, tmp_path: Path
) -> None:
    """The gateway is away when it fires; one of the pair crashes; it ends and fires once more."""
    port = free_port()
    hook = f"http://127.0.0.1:{port}/hooks/alertmanager"
    with alertmanagers(tmp_path, 2, hook, KEY) as pair:
        began = datetime.now(UTC)
        for each in pair:
            each.post("Fires", began=began)
        ledger = ledger_url.get_secret_value()
        with running(ledger, tmp_path / "log", CCT_OPS_GATEWAY_PORT=str(port)):
            eventually(lambda: count(engine, alerts) == 2, seconds=40)
            pair[0].kill()
            pair[0].start_and_wait()
            for each in pair:
                each.post("Fires", began=began, ended=datetime.now(UTC))
            eventually(lambda: episodes(engine) == [(1, "resolved")], seconds=40)
            assert count(engine, dispatches) == 1
            again = datetime.now(UTC)
            for each in pair:
                each.post("Fires", began=again)
            eventually(lambda: count(engine, incidents) == 2, seconds=40)

    assert count(engine, dispatches) == 2


def test_one_that_died_while_an_alert_ended_and_fired_again_reports_another_episode(
    engine: sa.Engine, ledger_url: SecretStr, tmp_path: Path
) -> None:
    """It forgot the first, so nobody ever reports its end."""
    port = free_port()
    hook = f"http://127.0.0.1:{port}/hooks/alertmanager"
    ledger = ledger_url.get_secret_value()
    with (
        alertmanagers(tmp_path, 1, hook, KEY) as (one,),
        running(ledger, tmp_path / "log", CCT_OPS_GATEWAY_PORT=str(port)),
    ):
        one.post("Fires", began=datetime.now(UTC))
        eventually(lambda: count(engine, incidents) == 1, seconds=40)
        one.kill()
        one.start_and_wait()
        one.post("Fires", began=datetime.now(UTC))
        eventually(lambda: count(engine, dispatches) == 2, seconds=40)

    assert episodes(engine) == [(1, "superseded"), (2, None)]


def test_what_an_alertmanager_could_not_deliver_is_asked_for(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """What it has active opens an incident, once, and only what its receiver would have sent."""
    nowhere = f"http://127.0.0.1:{free_port()}/hooks/alertmanager"
    with alertmanagers(tmp_path, 1, nowhere, KEY) as (single,):
        single.post("Hidden", began=datetime.now(UTC))
        asked = AlertmanagerReconciliation(url=HttpUrl(single.url), receiver="cct-ops")
        eventually(lambda: alertmanager.reconcile(engine, "alertmanager", asked) == 1)
        assert alertmanager.reconcile(engine, "alertmanager", asked) == 0
        other = asked.model_copy(update={"receiver": "somebody-else"})
        assert alertmanager.reconcile(engine, "another", other) == 0

    assert count(engine, incidents) == count(engine, dispatches) == 1


VALUES = [
    "NodeDown",
    "NODEDOWN",
    "node down",
    "a.b",
    "axb",
    "\u0665",
    "5",
    "ä",
    "a\nb",
    "a,b",
    'a"b',
    "",
]
UNANCHORED = 'job=~"a)|(?:5"'  # of a silence's expression Alertmanager sees to that
WRITTEN = [
    'job=~"[[:alpha:]]+"',
    'job=~"Node(?i)down"',
    r'job=~"\\Qa.b\\E"',
    r'job=~"\\d"',
    r'job=~"\d"',
    r'job=~"\\pL"',
    'job=~"a.b"',
    'job=~"(?s)a.b"',
    'job!~"a.*"',
    'job=~".+"',
    'job=~".*"',
    'job=""',
    'job!=""',
    "job=a.b",
    'job="a,b"',
    r'job="a\"b"',
    "job=~a.b",
    "job=~node|5|",
    UNANCHORED,
    "job=node down",
    "job=",
    'job=~"(?=a)"',
    r'job=~"a\\Z"',
    'job=~"("',
    'job=~"x{1001}"',
    "job==x",
    'job="a"b',
    "job",
]


def test_matchers_are_read_and_hold_as_a_real_alertmanager_reads_them(tmp_path: Path) -> None:
    """It is asked which alerts each matcher selects, and which a silence of it covers."""
    nowhere = f"http://127.0.0.1:{free_port()}/hooks/alertmanager"
    with (
        alertmanagers(tmp_path, 1, nowhere, KEY) as (single,),
        httpx.Client(base_url=single.url, timeout=10, trust_env=False) as ask,
    ):
        began = datetime.now(UTC)
        alerts_sent = [
            {
                "labels": {"alertname": f"a{number}"} | ({"job": value} if value else {}),
                "startsAt": began.isoformat(),
                "endsAt": (began + timedelta(hours=1)).isoformat(),
            }
            for number, value in enumerate(VALUES)
        ]
        ask.post("/api/v2/alerts", json=alerts_sent).raise_for_status()
        labels = [each["labels"] for each in ask.get("/api/v2/alerts").json()]
        assert len(labels) == len(VALUES)
        for written in WRITTEN:
            answer = ask.get("/api/v2/alerts", params={"filter": written})
            if answer.status_code == 400:
                with pytest.raises(ValueError, match=r"."):
                    parse(written)
                continue
            selected = names(each["labels"] for each in answer.json())
            (matcher,) = parse(written)
            assert names(each for each in labels if matcher.matches(each)) == selected, written
            if written == UNANCHORED:
                continue
            silence = {
                "matchers": [
                    {
                        "name": matcher.label,
                        "value": matcher.value,
                        "isRegex": matcher.operator in {"=~", "!~"},
                        "isEqual": matcher.operator in {"=", "=~"},
                    },
                    {"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True},
                ],
                "startsAt": datetime.now(UTC).isoformat(),
                "endsAt": (began + timedelta(hours=1)).isoformat(),
                "createdBy": "ada",
                "comment": "known",
            }
            answer = ask.post("/api/v2/silences", json=silence)
            assert answer.status_code == 200, (written, answer.text)
            made = answer.json()["silenceID"]
            found = silences(single.url, timeout_seconds=10)
            assert names(each for each in labels if found[0].covers(each)) == selected, written
            ask.delete(f"/api/v2/silence/{made}").raise_for_status()
            assert silences(single.url, timeout_seconds=10) == ()


def names(found: Iterable[Mapping[str, str]]) -> list[str]:
    """Name the alerts by which they are told apart."""
    return sorted(each["alertname"] for each in found)
