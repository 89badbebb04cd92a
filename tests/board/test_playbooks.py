"""Playbooks on the board: what each may do, and the form that starts it on a real Prefect."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.board.deployments import Deployments
from cct_ops.board.page import Board
from cct_ops.clients.server import Server
from cct_ops.ledger.gate import drains
from cct_ops.models.role import Role
from cct_ops.models.run import Outcome
from cct_ops.settings import Settings
from tests.approvals.parts import asked
from tests.board.conftest import Person, SignedIn, weakened
from tests.controller.conftest import playbook
from tests.controller.running import Playbook
from tests.ledger.alerts import opened
from tests.ledger.history import attempt

__all__ = ["playbook"]

ROUTES = ["/daily-summary", "/weekly-review", "/market-open"]
MODES = ["observe", "approve", "auto"]
ID = {"type": "string", "format": "uuid", "pattern": "^[0-9a-f-]{36}$", "description": "An id."}
FORM: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["target"],
    "properties": {
        "minutes": {
            "type": "integer",
            "title": "For (minutes)",
            "minimum": 1,
            "maximum": 60,
            "default": 30,
            "position": 3,
        },
        "target": {"$ref": "#/definitions/Route", "position": 0, "title": "Target"},
        "mode": {
            "type": "string",
            "enum": MODES,
            "default": "approve",
            "position": 1,
            "title": "Mode",
        },
        "drills": {
            "type": "array",
            "items": {"enum": ["one", "two"], "type": "string"},
            "default": [],
            "position": 4,
            "title": "Drills",
        },
        "at_once": {"type": "boolean", "default": False, "position": 5, "title": "At once"},
        "about": {**ID, "position": 6, "title": "About"},
        "change_id": {**ID, "position": 7, "title": "Change"},
        "share": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 50,
            "position": 2,
            "title": "Share (%)",
        },
    },
    "definitions": {"Route": {"enum": ROUTES, "type": "string"}},
}


def connect_to(url: str) -> Callable[[], SyncPrefectClient]:
    """Return what makes a client of this Prefect in whatever thread."""

    def connect() -> SyncPrefectClient:
        with temporary_settings({PREFECT_API_URL: url}):
            return get_client(sync_client=True)

    return connect


@pytest.fixture
def prefect_url(prefect_api_url: str) -> str:
    """Where Prefect answers."""
    return prefect_api_url


@pytest.fixture
def board(
    engine: sa.Engine,
    board_settings: Settings,
    playbook: Playbook,
    prefect_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Board:
    """A board whose policy has this test's playbook, beside a Prefect."""
    allowed = {"ceiling": "approve", "targets": ["/daily-*", "/weekly-review"]}
    rules = {"playbooks": {playbook.name: allowed, "game-day": {"ceiling": "observe"}}}
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(rules))
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(path))
    return Board(engine, Settings.load(), Deployments(Server(connect=connect_to(prefect_url))))


def start(person: Person, playbook: Playbook, **fields: str) -> tuple[int, str, str]:
    """Send the form; returns the status, where it led, and what was said."""
    path = f"/playbooks/{playbook.name}"
    named = {name.replace("p_", "p-", 1): value for name, value in fields.items()}
    answer = person.send(path, back=path, **named)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def words(page: str) -> str:
    """Return what a page says."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_form_offers_only_what_makes_sense(
    signed_in: SignedIn, playbook: Playbook, engine: sa.Engine
) -> None:
    """Targets that policy lists, modes up to the ceiling, changes that are there to be picked."""
    playbook.deploy(FORM)
    change = weakened(engine)

    shown = signed_in(Role.RESPONDER).get(f"/playbooks/{playbook.name}").text

    offered = re.findall(r'<option value="([^"]*)"', shown)
    assert {"/daily-summary", "/weekly-review", "observe", "approve", str(change.id)} <= set(
        offered
    )
    assert not {"/market-open", "auto"} & set(offered)
    assert re.findall(r"<label for=\"p-(\w+)\"", shown) == [
        *("target", "mode", "share", "minutes", "about", "change_id")
    ]
    assert 'min="1" max="60"' in shown
    assert "For (minutes)" in shown


def test_a_run_is_started_by_whoever_is_signed_in(
    signed_in: SignedIn, playbook: Playbook, engine: sa.Engine
) -> None:
    """With what was filled in and nothing else, for its incident; two clicks are one run."""
    playbook.deploy(FORM)
    incident = opened(engine)
    person = signed_in(Role.RESPONDER)
    filled = {
        "p_target": "/daily-summary",
        "p_mode": "observe",
        "p_minutes": "5",
        "p_drills.two": "on",
        "p_at_once": "on",
        "p_share": "",
        "incident": str(incident)[:8],
        "once": str(uuid4()),
    }

    status, led, said = start(person, playbook, **filled)
    start(person, playbook, **filled)

    assert status == 303, words(said)
    (run,) = playbook.runs()
    assert led == f"/playbooks/{playbook.name}?run={run['id']}"
    assert run["parameters"] == {
        "target": "/daily-summary",
        "mode": "observe",
        "minutes": 5,
        "drills": ["two"],
        "at_once": True,
    }
    assert run["name"] == f"{playbook.name} /daily-summary"
    assert set(run["tags"]) >= {"started-by:Anna Ito", f"incident:{incident}"}  # type: ignore[call-overload]
    told = words(person.get(led).text)
    assert f"You started {playbook.name}: it is run {str(run['id'])[:8]}." in told
    assert "waits for a worker to begin it" in told
    start(person, playbook, **(filled | {"p_minutes": "6"}))
    assert len(playbook.runs()) == 2


def test_while_the_installation_is_drained_the_form_and_the_run_say_that_it_waits(
    signed_in: SignedIn, playbook: Playbook, engine: sa.Engine
) -> None:
    playbook.deploy(FORM, tags=["playbook"])
    person, page = signed_in(Role.RESPONDER), f"/playbooks/{playbook.name}"
    assert "drained" not in words(person.get(page).text)
    drains.begin(engine, "release 42", "Ada")
    shown = words(person.get(page).text)
    assert "This installation is drained: a run waits until that is ended" in shown
    _, led, _ = start(person, playbook, p_target="/daily-summary", once=str(uuid4()))
    assert "waits: this installation is drained" in words(person.get(led).text)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"p_minutes": "61"}, "For (minutes): 61 is greater than the maximum of 60"),
        ({"p_minutes": "many"}, "For (minutes) takes a whole number, not 'many'"),
        ({"p_target": ""}, "Target is missing"),
        ({"p_target": "/nowhere"}, "Target is one of /daily-summary"),
        ({"p_about": "yesterday's"}, 'About: "yesterday\'s" does not fit. An id.'),
        ({"incident": "12345678"}, "For the incident: there is none of this id."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    signed_in: SignedIn, playbook: Playbook, wrong: dict[str, str], said: str
) -> None:
    playbook.deploy(FORM)
    filled = {"p_target": "/weekly-review", "p_share": "12.5", "p_drills.one": "on"} | wrong

    status, _, shown = start(signed_in(Role.RESPONDER), playbook, **filled)

    assert status == 409
    problems = re.findall(r'<p class="problem"[^>]*>(.*?)</p>', shown)
    assert [said in each.replace("&#39;", "'").replace("&#34;", '"') for each in problems] == [True]
    assert "was not started: something does not fit." in shown
    assert 'value="12.5"' in shown
    assert re.search(r'name="p-drills.one" value="on" checked', shown)
    if "p_target" not in wrong:
        assert '<option value="/weekly-review" selected>' in shown
    assert playbook.runs() == []


def test_a_viewer_sees_it_and_starts_nothing(signed_in: SignedIn, playbook: Playbook) -> None:
    playbook.deploy(FORM)
    viewer = signed_in(Role.VIEWER)

    shown = viewer.get(f"/playbooks/{playbook.name}").text

    assert shown.count('<form method="post"') == 1  # to sign out
    assert "takes the role responder" in shown
    assert start(viewer, playbook, p_target="/daily-summary")[0] == 403
    assert playbook.runs() == []


def test_the_record_of_a_playbook_stands_beside_its_form(
    signed_in: SignedIn, playbook: Playbook, engine: sa.Engine
) -> None:
    """What its record lets it do, what stops it, how its last runs ended, what waits for a yes."""
    playbook.deploy(FORM)
    for _ in range(3):
        run = attempt(engine, Outcome.UNVERIFIED, playbook=playbook.name)
    approval = asked(engine, form_accepted=True)

    shown = words(signed_in(Role.VIEWER).get(f"/playbooks/{playbook.name}").text)
    listed = words(signed_in(Role.VIEWER).get("/playbooks").text)

    assert "At most approve , as policy says" in shown
    assert "approve on /daily-summary by its record: ineffective fix of /daily-summary" in shown
    assert "breaker, failed attempts is open on /daily-summary" in shown
    assert shown.count("Unverified /daily-summary as it went") == 3
    assert "There was no game day yet." in shown
    assert str(run.id) not in shown
    assert f"{playbook.name} last: Unverified just now , /daily-summary" in listed
    assert approval.playbook != playbook.name
    assert "Waits for a yes" not in shown
    nobodys = words(signed_in(Role.VIEWER).get("/playbooks/none-such").text)
    assert "There is nothing at this address" in nobodys  # neither policy nor Prefect has it


def test_what_the_address_says_is_filled_in_already(
    signed_in: SignedIn, playbook: Playbook
) -> None:
    playbook.deploy(FORM)

    shown = signed_in().get(f"/playbooks/{playbook.name}?target=/weekly-review&minutes=7").text

    assert '<option value="/weekly-review" selected>' in shown
    assert 'value="7"' in shown


class TestWithPrefectAway:
    """Nobody answers where Prefect should be."""

    @pytest.fixture
    def prefect_url(self) -> str:
        """A port on which nobody listens."""
        return "http://127.0.0.1:9/api"

    def test_it_is_said_in_a_sentence_and_the_rest_is_shown(
        self, signed_in: SignedIn, playbook: Playbook, engine: sa.Engine
    ) -> None:
        attempt(engine, Outcome.RESOLVED, playbook=playbook.name)
        person = signed_in(Role.RESPONDER)

        listed = words(person.get("/playbooks").text)
        shown = words(person.get(f"/playbooks/{playbook.name}").text)
        status, _, refused = start(person, playbook, p_target="/daily-summary")

        assert "No answer from Prefect: ConnectError, so nothing can be started now." in listed
        assert playbook.name in listed
        assert "Its form is there as soon as Prefect answers." in shown
        assert "Resolved /daily-summary" in shown
        assert status == 503
        assert "was not started: Prefect does not answer" in refused
