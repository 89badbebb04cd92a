"""What looks like a secret is blotted out, and the rest of the sentence stays."""

from __future__ import annotations

import time

import pytest

from cct_ops.redaction import BLOT, redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("posted with xoxb-123456789012-abcdefGHIJKL", "abcdefGHIJKL"),
        ("see https://hooks.slack.com/services/T00/B00/abcdef now", "T00/B00"),
        ("clone with ghp_0123456789abcdefghij0123 please", "0123456789abcdefghij"),
        ("key AKIAIOSFODNN7EXAMPLE is old", "IOSFODNN7EXAMPLE"),
        ("header Authorization: Bearer abcdef.0123456789 was sent", "abcdef.0123456789"),
        ("curl -H 'X-API-Key: 0123456789abcdef' failed", "0123456789abcdef"),
        ("mysql --password=hunter2hunter2 -h db", "hunter2hunter2"),
        ('{"token": "s3cr3t-value-1"}', "s3cr3t-value-1"),
        ("dsn postgresql://ops:p4ssw0rd@db/cct is down", "p4ssw0rd"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl end", "eyJzdWIiOiIx"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ],
)
def test_a_secret_is_blotted_out(text: str, secret: str) -> None:
    shown = redact(text)

    assert secret not in shown
    assert BLOT in shown
    assert shown.split(BLOT)[0] == text[: len(shown.split(BLOT)[0])]


@pytest.mark.parametrize(
    "text",
    [
        "p95 latency is 6200 ms > 5000 ms",
        "/pre-market-briefing",
        "https://grafana.example/d/abc?orgId=1",
        "basic auth failed for user ops@example.org",
        "token bucket is empty",
        "3.8.8-bookworm",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("piece", ["a", "://a:", "token", "-----BEGIN "])
def test_four_times_the_text_takes_four_times_the_time(piece: str) -> None:
    """And not sixteen times, as where a pattern looks back from each place."""

    def cost(times: int) -> float:
        text, took = piece * times, list[float]()
        for _ in range(3):  # the quickest counts: the machine may be busy with something else
            began = time.thread_time()
            redact(text)
            took.append(time.thread_time() - began)
        return min(took)

    length = 300_000 // len(piece)
    assert cost(length) < 8 * cost(length // 4)
