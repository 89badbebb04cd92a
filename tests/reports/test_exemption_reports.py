"""What reports and messages say."""

from __future__ import annotations

import base64
import shlex
from typing import Any
from uuid import uuid4
from xml.etree.ElementTree import Element, fromstring

from cct_ops.clients.slack_text import SECTION_CHARACTERS
from cct_ops.diagnoses.exemption_weekly import WeeklyDiagnosis
from cct_ops.models.cct_exemptions import UpcomingExpiration, WeeklyReport
from cct_ops.models.run import Outcome, Run
from cct_ops.reports.chart import HIGH, LOW, bar_chart, data_uri
from cct_ops.reports.exemptions import issue_body, issue_command
from cct_ops.reports.messages import MOST_OWNERS, expired_message, outcome_message
from cct_ops.reports.render import fenced
from tests.diagnoses.exemption_parts import exemption, findings, report_on, weekly_on

SVG = "{http://www.w3.org/2000/svg}"


def with_upcoming(owner: str) -> WeeklyReport:
    """A week in which one exemption of this owner is past its date."""
    upcoming = UpcomingExpiration(
        jira_reference="OPS-1",
        file="src/a.ts",
        line=1,
        owner=owner,
        expiration_date="2025-11-20T00:00:00Z",
        days_until_expiration=-4,
    )
    return weekly_on(report_on([exemption()])).model_copy(
        update={"upcoming_expirations": (upcoming,)}
    )


def read(svg: str) -> Element:
    """Read an image of our own."""
    return fromstring(svg)  # noqa: S314 -- drawn above, by us


def test_a_chart_shows_the_largest_bars_and_what_is_too_much() -> None:
    svg = read(bar_chart("Owners", [(f"o{n}", n) for n in range(20)], threshold=3))

    texts = [text.text for text in svg.iter(f"{SVG}text")]
    bars = [bar.get("fill") for bar in svg.iter(f"{SVG}rect")][1:]
    assert texts[:3] == ["Owners", "o19", "19"]
    assert (len(bars), set(bars)) == (15, {HIGH})
    assert LOW in bar_chart("Owners", [("a", 3)], threshold=3)


def test_a_chart_of_nothing_is_a_chart() -> None:
    assert read(bar_chart("Owners", [], threshold=3)).tag == f"{SVG}svg"


def test_a_name_cannot_draw() -> None:
    """It stays a text inside the image, and the image is its own address."""
    uri = data_uri(bar_chart("T", [("</text><script>alert(1)</script>", 1)], threshold=3))

    svg = read(base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,")).decode())
    assert {element.tag for element in svg.iter()} == {
        f"{SVG}{name}" for name in ("svg", "rect", "text", "line")
    }


def test_the_command_survives_a_shell() -> None:
    """Quotes in a name do not end the argument, and markup in it is literal on GitHub."""
    diagnosis = WeeklyDiagnosis.of(
        findings().model_copy(update={"weekly": with_upcoming("o'brien $(rm -rf) *x* `y`")})
    )

    words = shlex.split(issue_command(diagnosis))

    assert words[:5] == ["gh", "issue", "create", "--repo", "$GITHUB_REPOSITORY"]
    assert words[6] == "Exemptions need attention: weekly report of 2025-W48"
    assert words[8] == issue_body(diagnosis)
    assert r"o'brien $(rm -rf) \*x\* \`y\`" in words[8]


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a ```` b").startswith("`````\n")
    assert fenced("plain").startswith("```\n")


def test_the_message_names_owners_and_references() -> None:
    records = (exemption("OPS-1"), exemption("OPS-2"), exemption("OPS-3", owner="<!channel>"))

    text, blocks = expired_message(records, None, done=True)

    assert text == ":broom: 3 exemptions expired"
    assert "• alice: OPS-1, OPS-2" in blocks[0]["text"]["text"]
    assert "&lt;!channel&gt;" in blocks[0]["text"]["text"]


def test_the_message_stays_short() -> None:
    records = tuple(exemption(f"OPS-{n}", owner=f"owner{n:02}") for n in range(MOST_OWNERS + 3))

    _, blocks = expired_message(records, None, done=False)

    assert "and 3 more owners" in blocks[0]["text"]["text"]


LINK = "https://prefect.example/runs/1"


def section(block: dict[str, Any]) -> str:
    return str(block["text"]["text"])


def test_a_long_reason_costs_neither_the_link_nor_half_an_entity() -> None:
    run = Run(id=uuid4(), name="canary-issue-1", playbook="canary-issue", incident_id=None)

    _, (block, *_) = outcome_message(run, "/daily", Outcome.FAILED, "R&D " * 1500, LINK)

    assert len(section(block)) <= SECTION_CHARACTERS
    shortened, link = section(block).rsplit("\n", 1)
    assert link == f"<{LINK}|The run in Prefect>"
    assert shortened.endswith("…")
    assert shortened.count("&") == shortened.count("&amp;")
