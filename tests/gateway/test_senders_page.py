"""What the page on senders says is taken in as it stands there."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple

import pytest
import sqlalchemy as sa
import yaml

from cct_ops.config.sources import JsonSource, Source, Sources
from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.intake import deliveries as intake
from tests.conftest import ROOT
from tests.gateway.delivering import episodes, verdicts
from tests.gateway.signing import SECRET, SOURCES, Sent, sign

PAGE = (ROOT / "docs" / "senders.md").read_text()
_BLOCK = re.compile(r"^```(\w+) (source|opens|ends)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SIGNED_AS = {"json": "json", "cloudevents": "cloudevents", "standard-webhooks": "standard"}


class Section(NamedTuple):
    """One sender of the page."""

    title: str
    source: Source
    opens: bytes
    ends: bytes


def sections() -> list[Section]:
    """Return every sender that has blocks."""
    found = []
    for part in PAGE.split("\n## ")[1:]:
        blocks = {kind: text for _, kind, text in _BLOCK.findall(part)}
        if blocks:
            (source,) = Sources.model_validate(
                {"sources": yaml.safe_load(blocks["source"])}
            ).sources.values()
            bodies = (blocks[kind].encode() for kind in ("opens", "ends"))
            found.append(Section(part.partition("\n")[0], source, *bodies))
    return found


def proof(source: Source, body: bytes, number: int) -> dict[str, str]:
    """Return the headers with which the sender sends it."""
    if isinstance(source, JsonSource) and source.signature is not None:
        made = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {"content-type": "application/json", source.signature.header: made}
    name = _SIGNED_AS.get(source.kind, source.kind)
    return sign(name, body, sender_id=f"id-{number}")


@pytest.mark.parametrize("section", sections(), ids=lambda each: each.title)
def test_what_a_sender_s_section_says_opens_and_ends_one_incident(
    engine: sa.Engine, section: Section
) -> None:
    for number, body in enumerate((section.opens, section.opens, section.ends)):
        request = Sent(section.source, proof(section.source, body, number), body)
        assert request.admitted
        incoming = incoming_of("sender", section.source, request.received, "KEY")
        assert incoming.alerts, incoming.note
        assert incoming.alerts[0].labels["alertname"]
        intake.record_all(engine, [incoming])

    assert verdicts(engine)[0] == "opened"
    assert verdicts(engine)[-1] == "closed"
    assert episodes(engine) == [(1, "resolved")]


def test_every_kind_of_source_has_its_section() -> None:
    described = {each.source.kind for each in sections()}
    assert described == {each.kind for each in SOURCES.values()}
