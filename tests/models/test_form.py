"""The form of a playbook: what Prefect makes of a signature, in people's words."""

from __future__ import annotations

from typing import Annotated, Any

from prefect.utilities.callables import parameter_schema
from pydantic import Field

from cct_ops.models.form import form


def playbook(
    target: str,
    p95_latency_ms: Annotated[float, Field(gt=0, le=60_000)] | None = None,
    share: Annotated[float, Field(ge=0, le=50, json_schema_extra={"title": "Share (%)"})] = 20,
    run_id: Annotated[int, Field(ge=1, le=2**53 - 1)] | None = None,
    lasts_minutes: Annotated[int, Field(ge=5, le=480)] = 60,
) -> None:
    """
    Do something.

    Args:
        target: The page.
        p95_latency_ms: Empty: it stays.
        share: Of the traffic.
        run_id: The failed run.
        lasts_minutes: How long.
    """


def fields() -> dict[str, dict[str, Any]]:
    """The fields of that form."""
    made: dict[str, dict[str, Any]] = form(parameter_schema(playbook).model_dump())["properties"]
    return made


def test_a_field_that_may_stay_empty_is_a_plain_one() -> None:
    """Prefect's UIs would ask whether it is a float or None, and send the null."""
    latency = fields()["p95_latency_ms"]

    assert latency["type"] == "number"
    assert "anyOf" not in latency
    assert "default" not in latency
    assert (latency["exclusiveMinimum"], latency["maximum"]) == (0, 60_000)


def test_a_title_is_the_name_in_words_with_its_unit_or_what_the_type_says() -> None:
    assert [field["title"] for field in fields().values()] == [
        "Target",
        "P95 latency (ms)",
        "Share (%)",
        "Run (id)",
        "Lasts (minutes)",
    ]


def test_a_number_says_its_range_and_an_id_has_none() -> None:
    """The UIs show a range to nobody but who is beyond it."""
    assert [field["description"] for field in fields().values()] == [
        "The page.",
        "Empty: it stays. More than 0, at most 60000.",
        "Of the traffic. From 0 to 50.",
        "The failed run.",
        "How long. From 5 to 480.",
    ]


def test_what_is_no_field_is_refused() -> None:
    assert form({"properties": {}})["additionalProperties"] is False
