"""At the gateway's door: forgeries, keys that are replaced, and labels that want to be more."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies as st

from cct_ops.ledger.intake.tables import dispatches, incidents
from evaluation.soak.rules import cases
from tests.controller.wire import Answer, wire
from tests.gateway.conftest import Doors
from tests.gateway.signing import OTHER_SECRET, SOURCES, firing, flipped, sign, signed_parts
from tests.stack.polling import eventually


@pytest.fixture(scope="module")
def kept(doors: Doors) -> Doors:
    """The gateway, which by then knows what is going to be forged."""
    for number, name in enumerate(SOURCES):
        body = firing(number, kind=name)
        assert doors.send(name, body).status_code == 202
    return doors


def test_a_forgery_leaves_nothing_behind(kept: Doors) -> None:
    """401 and no row, whichever bit of body, signature, time, id or token is another."""
    rows = [kept.stored(), kept.stored(incidents), kept.stored(dispatches)]

    @settings(max_examples=cases("forgeries at the door", 60), deadline=None)
    @given(
        name=st.sampled_from(list(SOURCES)), part=st.integers(0, 10), bit=st.integers(0, 1 << 16)
    )
    def forge(name: str, part: int, bit: int) -> None:
        body = firing(1000, kind=name)
        headers = sign(name, body, at=datetime.now(UTC))
        parts = signed_parts(headers)
        chosen = [*parts, *(["body"] if "authorization" not in parts else [])]
        which = chosen[part % len(chosen)]
        changed = {header.encode(): value.encode() for header, value in headers.items()}
        if which == "body":
            body = flipped(body, bit)
        else:
            # Behind the scheme's name, which may be written in any case.
            value = changed[which.encode()]
            start = value.find(b" ") + 1 if which == "authorization" else 0
            forged = value[:start] + flipped(value[start:], bit)
            changed[which.encode()] = forged
            if any(byte < 0x20 or byte == 0x7F for byte in forged):
                return  # no client sends such a header; the proofs themselves refuse it as well
        answer = kept.gateway.sender.post(f"/hooks/{name}", content=body, headers=changed)
        assert answer.status_code in {400, 401}

    forge()
    assert [kept.stored(), kept.stored(incidents), kept.stored(dispatches)] == rows


HOSTILE = [
    "$(touch /tmp/x)",
    "; rm -rf /",
    "{{ 7 * 7 }}",
    "<!channel>",
    "<http://evil|ok>",
    "](javascript:alert(1))",
    "\n## heading",
    "a\u202eb",
    "x" * 65_536,
]


def test_what_a_label_says_is_kept_as_it_is(doors: Doors) -> None:
    """Nothing is run, filled in or followed."""
    with wire(lambda _: Answer(200, b"")) as trap:
        urls = [
            trap.url,
            f"http://localhost:{trap.server_port}",
            "http://[::1]/",
            "http://2130706433/",
        ]
        labels = {f"l{n}": text for n, text in enumerate([*HOSTILE, *urls])}
        alert = {
            "status": "firing",
            "labels": {"alertname": "Hostile"} | labels,
            "annotations": {"runbook_url": trap.url},
            "generatorURL": trap.url,
            "startsAt": "2026-11-23T23:29:46Z",
        }
        body = json.dumps({"version": "4", "alerts": [alert], "externalURL": trap.url}).encode()
        (incident,) = doors.send("alertmanager", body).json()["incidents"]
        assert trap.requests == []

    with doors.engine.connect() as connection:
        row = connection.execute(sa.select(incidents).where(incidents.c.id == incident)).one()
    assert row.labels == {"alertname": "Hostile"} | labels


def test_keys_are_replaced_without_losing_anything(doors: Doors) -> None:
    """Old and new both count for a while, then only the new one; no restart, and no wrong 401."""
    (doors.folder / "new-key").write_text(OTHER_SECRET)
    url = f"{doors.gateway.sender.base_url}/hooks/json"
    refused: list[str] = []
    counts, stop = {"old": True, "new": False}, threading.Event()

    def keep_sending(which: str, secret: str) -> None:
        with httpx.Client(trust_env=False) as sender:
            number = 0
            while not stop.is_set():
                number += 1
                body = json.dumps({"state": "test", "n": f"{which}{number}"}).encode()
                expected = counts[which]
                headers = sign("json", body, secret=secret)
                status = sender.post(url, content=body, headers=headers).status_code
                if status != 202 and expected and counts[which]:
                    refused.append(which)

    def admitted(secret: str) -> bool:
        return doors.send("json", b'{"state": "test"}', secret=secret).status_code == 202

    old = (doors.folder / "key").read_text().strip()
    threads = [
        threading.Thread(target=keep_sending, args=pair)
        for pair in (("old", old), ("new", OTHER_SECRET))
    ]
    for thread in threads:
        thread.start()
    try:
        doors.key_sources("key", "new-key")
        eventually(lambda: admitted(OTHER_SECRET))
        counts["new"] = True
        assert admitted(old)
        (doors.folder / "sources.yaml").write_text("sources: {}")  # a slip changes nothing
        counts["old"] = False
        doors.key_sources("new-key")
        eventually(lambda: not admitted(old))
        assert admitted(OTHER_SECRET)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        doors.key_sources("key")
        eventually(lambda: admitted(old))

    assert refused == []
