"""prefect.yaml becomes deployments that a person can start from a form."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.models.cct import Route
from cct_ops.models.run import UPKEEP, Mode, at_most
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(400)  # four starts of Prefect's command, on a busy machine

CONTENT = yaml.safe_load((ROOT / "prefect.yaml").read_text())
REGISTRY = CONTENT["deployments"]
PLAYBOOKS = [entry["name"] for entry in REGISTRY]
# All but what puts things back, which nothing may stop, and drills, which change nothing real.
GATED = [entry["name"] for entry in REGISTRY if "playbook" in entry["tags"]]
GATED.remove("game-day")
MANUAL = (ROOT / "docs" / "ops-playbooks.md").read_text()
SECTIONS = set(re.findall(r"^## (.+)$", MANUAL, re.MULTILINE))
WEEKLY = "exemption-weekly-report/exemption-weekly-report"


def apply(api_url: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the script as the stack does."""
    return subprocess.run(
        [sys.executable, "deployments/apply.py"],
        cwd=root,
        env=os.environ
        | {
            "PREFECT_API_URL": api_url,
            "PYTHONPATH": str(root),
            "CCT_OPS_BOARD_URL": "https://board.example",
        },
        capture_output=True,
        text=True,
        check=False,
    )


# They change nothing of CCT, or only put back what others changed; so nobody is asked.
NEVER_ASK = {
    "exemption-weekly-report",
    "post-incident-review",
    "incident-report",
    "game-day",
    "recover",
    "revert-change",
    "extend-change",
}


@pytest.fixture(scope="module")
def client(prefect_api_url: str) -> Iterator[SyncPrefectClient]:
    """A client of a server to which everything was applied, twice, and a person's acts between."""
    with (
        temporary_settings({PREFECT_API_URL: prefect_api_url}),
        get_client(sync_client=True) as client,
    ):
        for update in (DeploymentUpdate(paused=True, concurrency_limit=7), DeploymentUpdate()):
            applied = apply(prefect_api_url)
            assert applied.returncode == 0, applied.stderr
            known = client.read_deployment_by_name("rate-limiting/rate-limiting")
            client.update_deployment(known.id, update)
            weekly = client.read_deployment_by_name(WEEKLY)
            (schedule,) = weekly.schedules
            if update.paused:
                client.update_deployment_schedule(weekly.id, schedule.id, active=False)
        yield client


def schema(client: SyncPrefectClient, playbook: str) -> dict[str, Any]:
    """Return what the UI makes its form from."""
    found = client.read_deployment_by_name(f"{playbook}/{playbook}").parameter_openapi_schema
    assert found is not None
    return dict(found)


def test_the_work_pool_is_for_the_warm_worker(client: SyncPrefectClient) -> None:
    assert client.read_work_pool("cct-ops").type == "warm"


def test_pool_and_queues_say_what_they_are_for(client: SyncPrefectClient) -> None:
    pool = CONTENT["work_pools"]["cct-ops"]

    assert client.read_work_pool("cct-ops").description == pool["description"]
    for name in ("default", "upkeep"):
        queue = client.read_work_queue_by_name(name, work_pool_name="cct-ops")
        assert queue.description == pool["queues"][name]


@pytest.mark.parametrize("entry", REGISTRY, ids=PLAYBOOKS)
def test_a_deployment_says_first_when_it_is_needed_and_then_what_it_may_change(
    entry: dict[str, Any],
) -> None:
    """And its tags say how bad it can be, and which section of the manual runbook it is for."""
    when, what, may_change, runbook = entry["description"].strip().split("\n\n")

    assert when.startswith("**When** ")
    assert what[0].isupper()
    assert may_change.startswith("**May change** ")
    assert (ROOT / runbook.removeprefix("**Runbook** ")).is_file()
    assert sum(tag in {"up to P0", "up to P1", "up to P2"} for tag in entry["tags"]) == 1
    others = {tag for tag in entry["tags"] if tag not in {"playbook", "upkeep"}}
    assert {tag for tag in others if not tag.startswith(("up to ", "at most "))} <= SECTIONS


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_deployment_leads_to_its_page_on_the_board_once(
    client: SyncPrefectClient, playbook: str
) -> None:
    """However often everything is applied."""
    found = client.read_deployment_by_name(f"{playbook}/{playbook}")

    page = f"[{playbook}](https://board.example/playbooks/{playbook})"
    assert str(found.description).count(page) == 1
    assert str(found.description).startswith("**When** ")


def test_each_section_of_the_manual_runbook_about_incidents_has_playbooks() -> None:
    tagged = {tag for entry in REGISTRY for tag in entry["tags"]}

    assert SECTIONS - tagged == {"Table of Contents", "Contact Information"}


def test_what_a_person_paused_stays_paused_and_the_limit_is_the_registrys(
    client: SyncPrefectClient,
) -> None:
    """A limit of Prefect's would let a run's life hang on a lease; an older registry had some."""
    known = client.read_deployment_by_name("rate-limiting/rate-limiting")

    assert (known.paused, known.global_concurrency_limit) == (True, None)
    assert not client.read_deployment_by_name("canary-issue/canary-issue").paused
    assert [each.active for each in client.read_deployment_by_name(WEEKLY).schedules] == [False]
    daily = client.read_deployment_by_name("exemption-cleanup/exemption-cleanup")
    assert [each.active for each in daily.schedules] == [True]


@pytest.mark.parametrize("entry", REGISTRY, ids=PLAYBOOKS)
def test_a_playbook_is_limited_by_its_tag_and_upkeep_by_nothing(
    client: SyncPrefectClient, entry: dict[str, Any]
) -> None:
    known = client.read_deployment_by_name(f"{entry['name']}/{entry['name']}")
    is_upkeep = UPKEEP in known.tags

    assert (at_most(known.tags) is None) == is_upkeep
    assert known.work_queue_name == ("upkeep" if is_upkeep else "default")
    assert "concurrency_limit" not in entry


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_parameter_says_what_it_is(client: SyncPrefectClient, playbook: str) -> None:
    """The descriptions come from the docstring: Prefect drops those of annotations."""
    form = schema(client, playbook)

    assert [
        name for name, field in form["properties"].items() if not field.get("description")
    ] == []
    deployment = client.read_deployment_by_name(f"{playbook}/{playbook}")
    assert deployment.enforce_parameter_schema
    assert deployment.description


@pytest.mark.parametrize("playbook", GATED)
def test_the_mode_is_a_choice_and_defaults_to_asking(
    client: SyncPrefectClient, playbook: str
) -> None:
    form = schema(client, playbook)
    if "mode" not in form["properties"]:
        assert playbook in NEVER_ASK
        return

    assert form["definitions"]["Mode"]["enum"] == [mode.value for mode in Mode]
    assert form["properties"]["mode"]["default"] == Mode.APPROVE


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_choice_is_a_list_and_every_number_has_bounds(
    client: SyncPrefectClient, playbook: str
) -> None:
    """As the form makes a dropdown of the one and holds people to the other; minutes are whole."""
    form = schema(client, playbook)
    for name, field in form["properties"].items():
        ways = field.get("anyOf", [field])
        kinds = {way.get("type") for way in ways}
        assert "number" not in kinds or {"maximum"} <= set(ways[0]), name
        if "integer" in kinds:
            assert "minimum" in ways[0], name
        if name.endswith("minutes"):
            assert kinds == {"integer"}, name
            assert {"minimum", "maximum"} <= set(field), name
        for way in ways:
            if reference := way.get("$ref"):
                kind = form["definitions"][reference.rpartition("/")[2]]
                assert "enum" in kind or kind["type"] == "object", name
        assert "\n" not in field["description"], name


def test_the_target_of_auto_rollback_is_a_choice(client: SyncPrefectClient) -> None:
    form = schema(client, "auto-rollback")

    assert form["definitions"]["Route"]["enum"] == [route.value for route in Route]
    assert form["required"] == ["target"]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_form_asks_for_the_incident_of_its_run(client: SyncPrefectClient, playbook: str) -> None:
    """The controller names it by a tag; what is no field is refused when the run is made."""
    form = schema(client, playbook)

    assert "incident_id" not in form["properties"]
    assert form["additionalProperties"] is False


@pytest.mark.parametrize(
    ("playbook", "given"),
    [
        ("auto-rollback", {"target": "/daily-summary"}),
        ("exemption-cleanup", {}),
        ("post-incident-review", {"about": "00000000-0000-4000-8000-000000000000"}),
    ],
)
def test_a_text_that_is_no_incident_is_refused_by_name(
    client: SyncPrefectClient, playbook: str, given: dict[str, str]
) -> None:
    deployment_id = client.read_deployment_by_name(f"{playbook}/{playbook}").id
    parameters = given | {"incident_id": "INC-1234"}

    with pytest.raises(httpx.HTTPStatusError) as refused:
        client.create_flow_run_from_deployment(deployment_id, parameters=parameters)

    assert refused.value.response.status_code == 409
    assert "incident_id" in refused.value.response.text


def test_a_part_that_cannot_be_deployed_fails_the_whole(
    prefect_api_url: str, tmp_path: Path
) -> None:
    """Prefect's own command skips what it cannot load and exits with 0."""
    for name in ("flows", "tasks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "apply.py").write_text(
        (ROOT / "deployments" / "apply.py").read_text()
    )
    entries = [
        {"name": "lost", "entrypoint": "flows/lost.py:lost", "work_pool": {"name": "cct-ops"}}
    ]
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump({"deployments": entries}))

    applied = apply(prefect_api_url, tmp_path)

    assert applied.returncode == 1
    assert "Not deployed: lost/lost" in applied.stderr
