"""At the gateway's own door: what differs in one bit from what was signed is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cct_ops.ledger.schema import dispatches, incidents
from soak.rules import cases
from tests.gateway.conftest import Doors
from tests.gateway.signing import SOURCES, firing, flipped, sign, signed_parts


@pytest.fixture(scope="module")
def kept(doors: Doors) -> Doors:
    """The gateway, which by then knows what is going to be forged."""
    for number, name in enumerate(SOURCES):
        body = firing(number, kind="json" if name == "signed" else name)
        assert doors.send(name, body).status_code == 202
    return doors


def test_a_forgery_leaves_nothing_behind(kept: Doors) -> None:
    """401 and no row, whichever bit of body, signature, time, id or token is another."""
    rows = [kept.stored(), kept.stored(incidents), kept.stored(dispatches)]

    @settings(max_examples=cases("forgeries at the door", 60), deadline=None)
    @given(
        name=st.sampled_from(list(SOURCES)),
        part=st.integers(0, 10),
        bit=st.integers(0, 1 << 16),
    )
    def forge(name: str, part: int, bit: int) -> None:
        body = firing(1000, kind="json" if name == "signed" else name)
        headers = sign(name, body, at=datetime.now(UTC))
        parts = signed_parts(headers)
        chosen = [*parts, *(["body"] if "authorization" not in parts else [])]
        which = chosen[part % len(chosen)]
        changed = {header: value.encode() for header, value in headers.items()}
        if which == "body":
            body = flipped(body, bit)
        else:
            # Behind the scheme's name, which may be written in any case.
            start = changed[which].find(b" ") + 1 if which == "authorization" else 0
            value = changed[which]
            changed[which] = value[:start] + flipped(value[start:], bit)
            if any(byte < 0x20 or byte == 0x7F for byte in changed[which]):
                return  # no client sends such a header; the proofs themselves refuse it as well
        answer = kept.gateway.sender.post(f"/hooks/{name}", content=body, headers=changed)
        assert answer.status_code in {400, 401}

    forge()
    assert [kept.stored(), kept.stored(incidents), kept.stored(dispatches)] == rows
