"""Odd values in the answers of others: named by their field, or made fit to keep."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from cct_ops.clients import archive
from cct_ops.clients.exchange import Exchange
from cct_ops.clients.pacing import Answer
from cct_ops.clients.text import parse, read_json
from cct_ops.errors import ContractBroken
from cct_ops.models.cct import RateLimitEvent, RollbackEvent, SloThresholds

EVENT = {
    "id": "e1",
    "limit": 30,
    "timestamp": "2026-11-24T10:00:00Z",
    "endpoint": "canaryManagement",
    "user": "ada",
    "path": "/api/v1/canary/status",
}


def answered(body: bytes) -> Exchange:
    """An answer of CCT with this body."""
    return Exchange(
        method="GET",
        path="x",
        answer=Answer(status=200, headers={}, body=body, seconds=0.1),
        api_key=SecretStr("k"),
    )


def payload(data: str) -> object:
    return answered(f'{{"success": true, "data": {data}}}'.encode()).payload()


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "9" * 50_000])
def test_a_number_beyond_every_reckoning_is_refused_with_its_field(number: str) -> None:
    thresholds = json.dumps(
        {
            "p95ResponseTime": "@",
            "availability": 95,
            "errorRate": 5,
            "canaryErrorRate": 5,
            "canaryLatencyMultiplier": 2,
        }
    ).replace('"@"', number)

    with pytest.raises(ContractBroken) as caught:
        parse(SloThresholds, payload(thresholds), "GET x")
    assert "p95ResponseTime: Input should be a finite number" in str(caught.value)


@pytest.mark.parametrize("odd", ["\\ud800", "\\udc00x", "\\u0000", "\\uDBFF\\u0041"])
def test_text_that_nothing_keeps_is_mended_and_costs_no_answer(odd: str) -> None:
    data = json.dumps(EVENT).replace("ada", f"a{odd}b")

    event = parse(RateLimitEvent, payload(data), "GET x")

    assert event.user.startswith("a\ufffd")
    event.user.encode()


def test_a_whole_character_that_is_written_as_two_halves_stays_one() -> None:
    assert read_json(b'{"a": "\\ud83d\\ude00", "b": "\\u00e9"}') == {"a": "\U0001f600", "b": "é"}


@pytest.mark.parametrize("body", [b'{"a":' * 100_000, b"[" * 100_000, b'{"a": NaN}', b"", b"\xff"])
def test_what_is_no_json_is_one_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(body)
    with pytest.raises(ContractBroken, match="the body is not a JSON object"):
        answered(body).payload()


@pytest.mark.parametrize("moment", ["2026-11-24T10:00:00", "2026-11-24", "1e400", "soon", "1" * 30])
def test_a_moment_without_a_zone_or_none_at_all_is_refused_with_its_field(moment: str) -> None:
    data = json.dumps(EVENT).replace("2026-11-24T10:00:00Z", moment)

    with pytest.raises(ContractBroken, match="timestamp: "):
        parse(RateLimitEvent, payload(data), "GET x")


def zipped(*files: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, body in files:
            made.writestr(name, body)
    return content.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_files_of_one_name_none_takes_the_others_place() -> None:
    found = archive.files(zipped(("a.json", b"1"), ("a.json", b"2")), 1000, "it")

    assert found == {"a.json": b"1", "a.json (2)": b"2"}


def test_a_files_name_is_one_line_of_what_can_be_seen() -> None:
    (name,) = archive.files(zipped(("a\n::error::\x1b[31mb\u202e.json", b"1")), 1000, "it")

    assert name == "a ::error::[31mb.json"


def test_a_zip_that_is_broken_anywhere_is_said_to_be() -> None:
    """Each byte is spoilt in turn; whatever Python's libraries make of that, it is one error."""
    whole = zipped(("a-summary.json", json.dumps(EVENT).encode()))
    for at in range(len(whole)):
        for spoilt in (0x00, 0xFF, whole[at] ^ 0x08):
            broken = whole[:at] + bytes([spoilt]) + whole[at + 1 :]
            try:
                archive.files(broken, 10_000, "it")
            except ContractBroken as error:
                assert str(error).startswith("it is not a zip that can be read")  # noqa: PT017


def test_moments_of_models_know_their_zone() -> None:
    event = parse(RateLimitEvent, payload(json.dumps(EVENT)), "GET x")

    assert event.timestamp < datetime.now(UTC)
    assert RollbackEvent.model_fields["timestamp"].annotation is not datetime
