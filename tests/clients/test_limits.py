"""How long to leave CCT alone, from what its limiters say and get wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cct_ops.errors import Unavailable
from tests.clients.parts import RecordingPacer, Wire, failure, refusal


def limiter(reset: datetime | None) -> dict[str, object]:
    """The error object of the admin limiter."""
    known = {} if reset is None else {"resetTime": reset.timestamp() * 1000}
    return {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests", **known}


def in_seconds(seconds: float) -> datetime:
    """A moment of the near future."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Retry-After": "30"}, refusal("x", "IP_RATE_LIMIT_EXCEEDED"), 30),
        ({"Retry-After": "900"}, refusal("x", "IP_RATE_LIMIT_EXCEEDED"), 900),
        ({"Retry-After": "60000"}, refusal(limiter(None)), 60),
        ({"Retry-After": "99999999"}, refusal(limiter(None)), 900),
        ({"Retry-After": "3600"}, refusal("x", "IP_RATE_LIMIT_EXCEEDED"), 900),
        ({"Retry-After": "3600"}, b"<html>a proxy before CCT</html>", 900),
        ({"Retry-After": "-5"}, b"", None),
        ({"Retry-After": "nan"}, b"", None),
        ({"Retry-After": "soon"}, b"", None),
        ({}, b"[]", None),
        ({"X-RateLimit-Reset": "junk", "Retry-After": "7"}, b'{"error": "x"}', 7),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00Z", "Retry-After": "7"}, b"", 7),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00", "Retry-After": "7"}, b"", 7),
    ],
)
def test_a_429_says_how_long_to_wait(
    headers: dict[str, str], body: bytes, expected: float | None
) -> None:
    """The admin limiter's milliseconds are recognised, nonsense asks nothing, 900 s is the cap."""
    error = failure(Wire(429, body, headers))

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == expected


def test_the_moment_of_the_reset_is_preferred() -> None:
    """The limiter's reset time is right where its Retry-After is a thousand times too long."""
    header = {"X-RateLimit-Reset": in_seconds(40).isoformat(), "Retry-After": "300"}
    dated = {"Retry-After": format_datetime(in_seconds(40), usegmt=True)}

    for wire in (
        Wire(429, refusal(limiter(None)), header),
        Wire(429, refusal(limiter(in_seconds(40))), {"Retry-After": "300"}),
        Wire(429, b"", dated),
    ):
        error = failure(wire)
        assert isinstance(error, Unavailable)
        assert error.retry_after_seconds == pytest.approx(40, abs=5)


def test_both_shapes_of_an_error_are_read() -> None:
    """The admin limiter's error is an object where every other one is a sentence."""
    assert "429 RATE_LIMIT_EXCEEDED: Too many requests." in str(
        failure(Wire(429, refusal(limiter(None))))
    )


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "30000"}, 30), ({}, 60)])
def test_a_429_silences_everybody_once(headers: dict[str, str], seconds: float) -> None:
    """CCT's limiter starves whoever polls through it, so all runs learn it, once."""
    pacer = RecordingPacer()

    failure(Wire(429, refusal(limiter(None)), headers), pacer=pacer)

    assert pacer.back_offs == [seconds]


def test_no_other_failure_silences_anybody() -> None:
    """Only a 429 is about how often we ask."""
    pacer = RecordingPacer()

    failure(Wire(503, b"", {"Retry-After": "30"}), pacer=pacer)

    assert pacer.back_offs == []
