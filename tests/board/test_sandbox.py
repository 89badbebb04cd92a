"""Something can be broken on purpose where the stack runs its own sandbox, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board.page import Asked, Board
from cct_ops.board.pages import sandbox as page
from cct_ops.controller.routes import read_routes
from cct_ops.ledger.intake.tables import incidents
from cct_ops.models.cct import Route
from cct_ops.models.role import Role
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.every import BREAKAGES
from cct_ops.settings import Settings
from cct_ops.stack.assembly import assemble
from cct_ops.stack.config import StackConfig
from tests.board.conftest import Person, SignedIn
from tests.conftest import ROOT
from tests.ledger.alerts import opened

ADDRESS = "CCT_OPS_SANDBOX_URL"


@pytest.fixture
def board_settings(
    monkeypatch: pytest.MonkeyPatch, board_settings: Settings, sandbox: SandboxControl
) -> Settings:
    """A board whose CCT is the stack's own sandbox, and whose gateway is down."""
    monkeypatch.setenv(ADDRESS, sandbox.base_url)
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("CCT_OPS_GATEWAY_PORT", "9")
    return Settings.load()


def nowhere(person: Person) -> bool:
    """Whether neither the page nor what it does is there, nor anything that leads to it."""
    answers = (person.get("/sandbox"), person.send("/sandbox/canary-pulled/break"))
    assert {each.status_code for each in answers} <= {200, 404, 409, 503}
    hidden = "/sandbox" not in person.get("/now").text
    return hidden and {each.status_code for each in answers} == {404}


def test_beside_a_real_cct_there_is_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, signed_in: SignedIn, sandbox: SandboxControl, board: Board
) -> None:
    """Nor where a sandbox is named that is not the CCT at which the playbooks work."""
    before = truths.canary(sandbox)
    person = signed_in()
    monkeypatch.delenv(ADDRESS)
    assert nowhere(person)

    for other in ("https://cct.example", "http://127.0.0.1:9", " ", f"{sandbox.base_url}/x"):
        monkeypatch.setenv(ADDRESS, other)
        assert nowhere(person), other
    assert truths.canary(sandbox) == before


@pytest.mark.parametrize("cct", ["https://cct.example", "http://127.0.0.1:8090"])
def test_a_stack_for_a_real_cct_gives_the_board_no_sandbox(tmp_path: Path, cct: str) -> None:
    """Whatever the shell says that started it."""
    given = {"CCT_URL": cct, "X_API_KEY": "k", ADDRESS: cct}
    config = StackConfig.ephemeral(tmp_path, env=given)

    parts = assemble(config, 0).plan.parts

    assert [part.name for part in parts if ADDRESS in part.program.env] == []


def test_a_stack_with_its_own_sandbox_tells_the_board_alone(tmp_path: Path) -> None:
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": "", ADDRESS: "http://elsewhere"})

    parts = assemble(config, 0).plan.parts

    told = {part.name: part.program.env[ADDRESS] for part in parts if ADDRESS in part.program.env}
    assert told == {"board": f"http://127.0.0.1:{config.sandbox_port}"}


def test_who_lands_on_a_quiet_board_is_led_to_it(signed_in: SignedIn) -> None:
    """It says of each fault what will happen and how many persons are asked."""
    person = signed_in(Role.VIEWER)

    assert 'href="/sandbox"' in person.get("/now").text
    shown = person.get("/sandbox").text
    for each in BREAKAGES.values():
        assert each.title in shown
    assert "Break it" not in shown
    assert person.send("/sandbox/canary-pulled/break").status_code == 403


def test_what_can_be_broken_is_no_news_after_a_restart(board: Board) -> None:
    """By its repr a page knows its news: where functions are in memory is no part of it."""
    assert " at 0x" not in repr(page.read(board, Asked()))


def test_a_gateway_that_is_down_is_named(signed_in: SignedIn, engine: sa.Engine) -> None:
    answer = signed_in(Role.RESPONDER).send("/sandbox/canary-pulled/break")

    assert answer.status_code == 503
    assert "the gateway did not take the alert" in answer.text
    with engine.connect() as ledger:
        assert ledger.execute(sa.select(incidents.c.id)).all() == []


def test_two_clicks_break_it_once(
    signed_in: SignedIn, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """The second leads to the incident of the first."""
    incident = opened(engine, alertname="CanaryRolledBack", route="/weekly-review")
    before = truths.canary(sandbox)

    answer: httpx.Response = signed_in().send("/sandbox/canary-pulled/break")

    assert answer.headers["location"] == f"/incidents/{incident}"
    assert truths.canary(sandbox) == before


def test_two_faults_are_not_put_on_one_page(
    signed_in: SignedIn, engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """The second would hide the first, whose incident would then stay open."""
    *taken, free = Route
    for route in Route:
        sandbox.set_canary(route, 20)
    for route in taken:
        opened(engine, alertname="CanaryTrafficSplit", route=route)

    signed_in().send("/sandbox/canary-pulled/break")

    pulled = [route for route, canary in sandbox.state().routes.items() if not canary.enabled]
    assert pulled == [free]


def test_there_is_no_other_fault(signed_in: SignedIn) -> None:
    assert signed_in().send("/sandbox/the-moon/break").status_code == 404


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=lambda each: each.name)
def test_each_alert_leads_to_the_playbook_that_it_names(breakage: Breakage) -> None:
    routes = read_routes(ROOT / "deployments" / "routes.yaml")

    for target in breakage.targets:
        labels = breakage.labels(target)
        rule = next(each for each in routes.rules if each.matches("alertmanager", labels))
        assert rule.playbook == breakage.playbook


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=lambda each: each.name)
def test_each_fault_can_be_put_into_a_sandbox(breakage: Breakage, sandbox: SandboxControl) -> None:
    """On each of its targets, again and again."""
    for target in (*breakage.targets, breakage.targets[0]):
        breakage.seed(sandbox, target)


def test_a_canary_is_pulled_on_every_page(sandbox: SandboxControl) -> None:
    for route in Route:
        BREAKAGES["canary-pulled"].seed(sandbox, route)

    assert [each.enabled for each in sandbox.state().routes.values()] == [False] * len(Route)
