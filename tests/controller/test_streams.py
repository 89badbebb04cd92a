"""Audit events leave the controller in order, whatever is down, slow or killed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import yaml
from pydantic import SecretStr

from cct_ops.controller.streams import Streams
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import log, streams
from cct_ops.ledger.record.streams import Progress
from cct_ops.people.notifier import Notifier
from cct_ops.record.keys import keep_key
from cct_ops.settings import Settings
from cct_ops.stack.postgres import free_port
from evaluation.siem.receiver import first_copies, received
from tests.controller import streaming
from tests.controller.wire import Answer, Wire, wire
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided
from tests.record.streamed import Taking, positions
from tests.stack.polling import eventually


@dataclass
class Setting:
    """A ledger, and a policy that names streams."""

    engine: sa.Engine
    url: str
    folder: Path

    def policy(self, *named: dict[str, Any]) -> Path:
        """Write the policy."""
        path = self.folder / "policy.yaml"
        path.write_text(yaml.safe_dump({"playbooks": {}, "audit": {"streams": list(named)}}))
        return path

    @property
    def environment(self) -> dict[str, str]:
        """What a controller is told."""
        return {
            "CCT_OPS_DATABASE_URL": self.url,
            "CCT_OPS_POLICY_PATH": str(self.folder / "policy.yaml"),
            "CCT_OPS_RECORD_PATH": str(self.folder),
        }

    def streams(self, monkeypatch: pytest.MonkeyPatch, slack: Wire | None = None) -> Streams:
        """Return the controller's job."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        url = SecretStr(f"{slack.url}/hook") if slack else None
        return Streams(self.engine, Settings.load(), Notifier(self.engine, url))

    def progress(self, name: str) -> Progress:
        """Return how far a stream is."""
        return next(each for each in streams.progress(self.engine) if each.name == name)


@pytest.fixture
def ours(engine: sa.Engine, ledger_url: SecretStr, tmp_path: Path) -> Setting:
    """A ledger with a key for its log, and a policy to be written."""
    keep_key(tmp_path)
    return Setting(engine, ledger_url.get_secret_value(), tmp_path)


def happen(engine: sa.Engine, incidents: list[UUID]) -> None:
    """Let something happen about each incident, by turns."""
    for incident in incidents:
        decided(engine, a_run(incident_id=incident))


def after(job: Streams, fact: Callable[[], object]) -> object:
    """Return a fact as it is once the job had its turn."""
    job()
    return fact()


def test_an_endpoint_that_is_down_and_two_kills_lose_nothing_and_no_order(
    ours: Setting, prefect_api_url: str
) -> None:
    """The real program, with two of its kind at work, and a file beside the address."""
    port, taken, lines = free_port(), ours.folder / "taken", ours.folder / "audit.jsonl"
    address = {"name": "siem", "http": f"http://127.0.0.1:{port}/", "batch_events": 3}
    file = {"name": "archive", "file": str(lines)}
    ours.policy(*({**each, "from": "start"} for each in (address, file)))
    environment = ours.environment | {"PREFECT_API_URL": prefect_api_url}
    happen(ours.engine, [uuid4()])
    with ExitStack() as stack:
        controllers = [stack.enter_context(streaming.controller(environment)) for _ in "ab"]
        eventually(lambda: len(streams.progress(ours.engine)) == 2)
        with streaming.endpoint(port, taken):
            incidents = [opened(ours.engine) for _ in range(3)]
            happen(ours.engine, incidents)
            eventually(lambda: len(list(received(taken))) >= 6)
        for victim in controllers:  # nobody listens, and what happens goes on
            happen(ours.engine, incidents)
            eventually(lambda: ours.progress("siem").failures > 0)
            victim.kill()
            happen(ours.engine, incidents)
            stack.enter_context(streaming.controller(environment))
        with streaming.endpoint(port, taken):
            happen(ours.engine, incidents)
            eventually(lambda: _all_taken(ours))

    for found in (first_copies(taken), first_copies(lines)):
        assert positions(found) == list(range(log.size(ours.engine)))
        for incident in map(str, incidents):
            about = [each for each in found if each.get("subject") == incident]
            assert len(about) == 7
            assert [each["type"] for each in about] == [
                "log.cct-ops.delivery.received",
                *["log.cct-ops.decision.made"] * 6,
            ]


def _all_taken(ours: Setting) -> bool:
    found = streams.progress(ours.engine)
    return all(not each.behind_events for each in found)


def test_a_slow_endpoint_holds_up_no_other_and_not_the_controller(
    ours: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Taking()
    with wire(lambda _: None) as hangs, wire(quick) as answers:
        hangs.behave = hangs.hang
        ours.policy(
            {"name": "slow", "http": hangs.url, "from": "start"},
            {"name": "quick", "http": answers.url, "from": "start"},
        )
        job = ours.streams(monkeypatch)
        switches.stop(ours.engine, "a drill", "ada")
        job()
        eventually(lambda: hangs.requests and quick.taken)
        switches.resume(ours.engine, "it is over", "ada")
        job()
        eventually(lambda: positions(quick.taken) == [0, 1])
        job()

        assert len(hangs.requests) == 1
        hangs.released.set()
        eventually(lambda: ours.progress("slow").failures == 1)


def test_people_are_notified_once_of_a_stream_that_is_behind_and_once_of_its_end(
    ours: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire(lambda _: Answer(200, b"ok")) as slack, wire(lambda _: Answer(503)) as siem:
        ours.policy({"name": "siem", "http": siem.url, "from": "start", "behind_minutes": 0.001})
        job = ours.streams(monkeypatch, slack)
        switches.stop(ours.engine, "a drill", "ada")

        def said() -> list[str]:
            job()
            return [json.loads(request.body)["text"] for request in slack.requests]

        eventually(lambda: said() and ours.progress("siem").last_error)
        for _ in range(3):
            assert len(said()) == 1
        (text,) = said()
        assert "The audit stream siem is behind by" in text
        assert f", with 1 event for {siem.url}" in text
        siem.behave = Taking()
        streams.send_again(ours.engine, "siem", 0)
        eventually(lambda: len(said()) == 2)
        assert said()[1] == ":white_check_mark: The audit stream siem is no longer behind."
        job()
        assert len(said()) == 2


def test_a_slack_that_is_away_holds_up_no_stream(
    ours: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = Taking()
    with (
        wire(lambda _: Answer(500)) as slack,
        wire(lambda _: Answer(503)) as dead,
        wire(taking) as lives,
    ):
        ours.policy(
            {"name": "a-dead", "http": dead.url, "from": "start", "behind_minutes": 0.0001},
            {"name": "lives", "http": lives.url, "from": "start"},
        )
        job = ours.streams(monkeypatch, slack)
        switches.stop(ours.engine, "a drill", "ada")
        eventually(lambda: after(job, lambda: slack.requests and taking.taken))
        switches.resume(ours.engine, "it is over", "ada")
        eventually(lambda: after(job, lambda: positions(taking.taken) == [0, 1]))


def test_people_are_told_of_a_refused_event_with_what_sends_it_again(
    ours: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = Taking(refuses=lambda sent: Answer(422) if "leaf" in sent[0]["data"] else None)
    with wire(lambda _: Answer(200, b"ok")) as slack, wire(refusing) as siem:
        ours.policy({"name": "siem", "http": siem.url, "from": "start"})
        job = ours.streams(monkeypatch, slack)
        switches.stop(ours.engine, "a drill", "ada")
        eventually(lambda: after(job, lambda: slack.requests))
        job()

        (message,) = [request.body.decode() for request in slack.requests]
    assert "siem, event 0: " in message
    assert "audit streams resend siem --from 0" in message


def test_the_policy_of_this_moment_decides(ours: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams come, go and come back without a new start of the controller."""
    taking = Taking()
    with wire(taking) as siem:
        ours.policy()
        job = ours.streams(monkeypatch)
        switches.stop(ours.engine, "before", "ada")
        job()
        assert (streams.progress(ours.engine), log.size(ours.engine)) == ([], 0)

        ours.policy({"name": "siem", "http": siem.url, "from": "start"})
        eventually(lambda: after(job, lambda: positions(taking.taken) == [0]))
        ours.policy()
        job()
        assert streams.progress(ours.engine) == []
        switches.resume(ours.engine, "meanwhile", "ada")
        ours.policy({"name": "siem", "http": siem.url})
        eventually(lambda: after(job, lambda: positions(taking.taken) == [0, 1]))


def test_without_the_key_of_the_log_it_is_said_what_is_missing(
    ours: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.policy({"name": "siem", "http": "http://127.0.0.1:1/"})
    job = ours.streams(monkeypatch)
    (ours.folder / "log.key").unlink()

    with pytest.raises(BadConfiguration, match="the log's key cannot be read"):
        job()
