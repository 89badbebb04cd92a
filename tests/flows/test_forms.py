"""A person's mistake is refused in the form or ends as Blocked; it is no incident and no page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from prefect.exceptions import SignatureMismatchError
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed
from prefect.utilities.schema_tools.validation import validate

from cct_ops.ledger.people import pages
from cct_ops.models.form import form
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun
from cct_ops.scenarios.every import DRILLED
from cct_ops.scenarios.scenario import Scenario
from tasks.report import report_failure
from tests.conftest import ROOT
from tests.controller.running import Playbook
from tests.flows.deployment_run import deployment_run, flow_of
from tests.flows.test_endings import accounted, ran
from tests.flows.upkeep import OFF, weakened
from tests.plain import HTTP

PLAYBOOKS = sorted(
    path.stem.replace("_", "-") for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__"
)
ROUTE = "/daily-summary"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
# What a playbook is about.
SUBJECTS = {"target", "about", "run_id", "change_id", "experiment", "playbooks", "since"}
# What only CCT can say: which users it counts.
OPEN = {("rate-limiting", "user")}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("auto-rollback", {}),
    ("auto-rollback", {"target": "/no-such-route"}),
    ("auto-rollback", {"target": "daily-summary"}),
    ("auto-rollback", {"target": ROUTE, "option": "restart"}),
    ("auto-rollback", {"target": ROUTE, "minutes": 0}),
    ("auto-rollback", {"target": ROUTE, "minutes": 1441}),
    ("auto-rollback", {"target": ROUTE, "minutes": "an hour"}),
    ("auto-rollback", {"target": ROUTE, "mode": "Auto"}),
    ("auto-rollback", {"target": ROUTE, "p95_latency_ms": 0}),
    ("auto-rollback", {"target": ROUTE, "error_rate_percent": 51}),
    ("auto-rollback", {"target": ROUTE, "availability_percent": 49}),
    ("auto-rollback", {"target": ROUTE, "limits": {"p95_latency_ms": 9000}}),
    ("canary-issue", {"target": ROUTE, "fix": "delete"}),
    ("chaos-experiment", {"chaos": "earthquake"}),
    ("chaos-experiment", {"minutes": 31}),
    ("chaos-failure", {"experiment": "the last one"}),
    ("chaos-failure", {"retest": "twice"}),
    ("slo-breach-simulation", {"target": ROUTE, "share": 51}),
    ("slo-breach-simulation", {"target": ROUTE, "scenario": "cpu"}),
    ("game-day", {"playbooks": ["no-such-playbook"]}),
    ("game-day", {"playbooks": "auto-rollback"}),
    ("schema-validation", {"target": "../deploy.yml"}),
    ("schema-validation", {"minutes": 4}),
    ("schema-validation", {"run_id": 0}),
    ("post-incident-review", {}),
    ("post-incident-review", {"about": "yesterday's"}),
    ("incident-report", {"since": "last week"}),
    ("incident-report", {"since": 7}),
    ("recover", {"run_id": "the dead one"}),
    ("revert-change", {"change_id": "1"}),
    ("extend-change", {"change_id": UNKNOWN, "minutes": 0, "reason": "x"}),
    ("extend-change", {"change_id": UNKNOWN, "minutes": 5, "reason": ""}),
    ("extend-change", {"change_id": "1", "minutes": 5, "reason": "x"}),
    ("exemption-failure", {"fix": "everything"}),
    ("rate-limiting", {"target": "everybody"}),
    ("rate-limiting", {"target": "canaryManagement", "max_requests": 1001}),
    ("rate-limiting", {"target": "canaryManagement", "user": ""}),
]
# What the form cannot know, and words of the sentence with which it ends.
NOT_THERE: list[tuple[str, dict[str, Any], str]] = [
    ("revert-change", {"change_id": UUID(UNKNOWN)}, "no temporary change"),
    (
        "extend-change",
        {"change_id": UUID(UNKNOWN), "minutes": 5, "reason": "x"},
        "no temporary change",
    ),
    ("recover", {"run_id": UUID(UNKNOWN)}, "nothing to put back"),
    ("chaos-failure", {"experiment": UUID(UNKNOWN)}, "no experiment"),
    ("schema-validation", {"run_id": 4711}, "4711 is not among"),
    ("schema-validation", {"target": "no-such.yml"}, "no workflow no-such.yml"),
    ("incident-report", {"since": "2026-13-01"}, "'2026-13-01' is no moment"),
    ("incident-report", {"since": "999999d"}, "'999999d' is no moment"),
    ("incident-report", {"since": "2999-01-01"}, "'2999-01-01' is still to come"),
    ("post-incident-review", {"about": UUID(UNKNOWN)}, "knows no"),
]


def leaves(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every simple type that a value of this schema is made of."""
    if "$ref" in schema:
        yield from leaves(known[schema["$ref"].rpartition("/")[2]], known)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from leaves(each, known)
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], known)
    elif schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        for each in schema["properties"].values():
            yield from leaves(each, known)
    else:
        yield schema


def form_of(playbook: str) -> dict[str, Any]:
    """Return what a playbook's form is made of."""
    return form(flow_of(playbook).parameters.model_dump())


def bounded(leaf: dict[str, Any]) -> bool:
    """Whether the type itself says what is refused."""
    match leaf["type"]:
        case "string":
            return "enum" in leaf or "pattern" in leaf
        case "integer" | "number":
            return bool({"minimum", "exclusiveMinimum"} & leaf.keys()) and "maximum" in leaf
        case other:
            return other in {"boolean", "null"}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_form_takes_no_free_text_and_no_number_without_bounds(playbook: str) -> None:
    schema = form_of(playbook)
    free = [
        name
        for name, each in schema["properties"].items()
        if not all(map(bounded, leaves(each, schema["definitions"])))
    ]

    assert [name for name in free if (playbook, name) not in OPEN] == []


def place(name: str, field: dict[str, Any]) -> int:
    """Where people think of it: on what, which way, how far it may go, and then how much."""
    if name in SUBJECTS:
        return 0
    if name == "mode":
        return 2
    return 1 if "$ref" in field or field["type"] == "boolean" else 3


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_form_asks_in_the_order_of_thought_and_for_nothing_but_plain_values(
    playbook: str,
) -> None:
    """Each field is one input or one list to choose from, titled, described, never a null."""
    schema = form_of(playbook)
    fields: dict[str, dict[str, Any]] = schema["properties"]
    in_order = sorted(fields, key=lambda name: int(fields[name]["position"]))

    places = [place(name, fields[name]) for name in in_order]
    assert places == sorted(places), in_order
    for name, field in fields.items():
        assert field["title"] not in {"", name}, name
        assert field["description"], name
        assert "anyOf" not in field, name
        assert field.get("default", "") is not None, name
        kind = field
        if "$ref" in field:
            kind = schema["definitions"][field["$ref"].rpartition("/")[2]]
            assert "enum" in kind, name
        assert kind["type"] != "object", name
        if kind["type"] in {"integer", "number"} and kind["maximum"] < 10**9:
            assert f"{kind['maximum']:g}." in field["description"], name


def test_what_is_left_empty_is_not_said_and_null_means_the_same() -> None:
    """Prefect's own form sends nothing; a copy of an older run sends its nulls."""
    schema = form_of("rate-limiting")

    for given in ({}, {"user": None, "max_requests": None}):
        assert validate({"target": "canaryManagement", **given}, schema) == []


@pytest.mark.parametrize(("playbook", "parameters"), WRONG, ids=str)
def test_prefect_refuses_a_form_that_is_filled_in_wrongly(
    playbook: str, parameters: dict[str, Any], engine: sa.Engine
) -> None:
    """So that there is no run that could fail."""
    api_url = PREFECT_API_URL.value()
    assert api_url is not None
    deployment = Playbook(api_url, playbook).deploy(form_of(playbook))

    answer = HTTP.post(
        f"{api_url}/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
    )

    assert answer.status_code in {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}


def test_the_form_of_a_game_day_names_the_drills_that_there_are() -> None:
    schema = form_of("game-day")

    (offered,) = leaves(schema["properties"]["playbooks"], schema["definitions"])
    assert set(offered["enum"]) == set(DRILLED)


@pytest.mark.parametrize("scenario", DRILLED.values(), ids=str)
def test_a_drill_asks_for_what_the_form_takes(scenario: Scenario) -> None:
    schema = form_of(scenario.playbook)

    assert validate(scenario.drilled, schema, ignore_required=True) == []


@pytest.mark.parametrize(("playbook", "parameters", "words"), NOT_THERE, ids=str)
def test_what_is_not_there_blocks_the_run_and_pages_nobody(
    playbook: str,
    parameters: dict[str, Any],
    words: str,
    sandbox: SandboxControl,
    engine: sa.Engine,
) -> None:
    sandbox.seed_github(GitHubSeed(runs=(SeededRun(id=8),)))

    accounted(engine, ran(playbook, **parameters), "Blocked", words)
    assert pages.newest(engine, 10) == []


@pytest.mark.usefixtures("upkeep")
def test_an_extension_beyond_policy_blocks_the_run_and_pages_nobody(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    change = weakened(engine, OFF)

    accounted(
        engine,
        ran("extend-change", change_id=change.id, minutes=1440, reason="x"),
        "Blocked",
        "in all",
    )
    assert pages.newest(engine, 10) == []


def test_parameters_that_no_form_checked_block_the_run_and_page_nobody(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Somebody switched Prefect's check off; the flow's own is the last one."""
    with deployment_run(engine, "canary-issue", target="/no-such-route") as run:
        assert run.work() == "Blocked"

        accounted(engine, run.run().state, "Blocked", "Wrong parameters: target: Input should be")  # type: ignore[arg-type]
    assert pages.newest(engine, 10) == []
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "Wrong parameters: target: it is missing"),
        ({"target": ROUTE, "targets": [ROUTE]}, "targets: there is no such parameter"),
    ],
    ids=str,
)
def test_parameters_with_which_no_process_begins_block_the_run_and_page_nobody(
    parameters: dict[str, Any], words: str, engine: sa.Engine
) -> None:
    """Prefect's engine dies of them before the flow is asked; the worker calls the hook then."""
    with deployment_run(engine, "canary-issue", **parameters) as run:
        with pytest.raises((TypeError, SignatureMismatchError)):
            run.work()
        run.client.set_flow_run_state(run.run_id, Crashed(message="Exit code 1."), force=True)
        dead = run.run()
        assert dead.state is not None

        report_failure(flow_of("canary-issue"), dead, dead.state)

        accounted(engine, run.run().state, "Blocked", words)  # type: ignore[arg-type]
    assert pages.newest(engine, 10) == []
