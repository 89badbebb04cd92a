"""While Prefect hangs, people and programs are told soon whether anything was started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from cct_ops.board import deployments
from cct_ops.models.role import Role
from tests.board.api.conftest import Programs, program
from tests.board.conftest import SignedIn
from tests.board.frozen import Frozen, frozen
from tests.board.test_playbooks import FORM, board, playbook
from tests.controller.running import Playbook

__all__ = ["board", "playbook", "program"]
LONG_ENOUGH = 4.0
"""For the looks before the start itself, on a busy machine too."""

BODY = {"parameters": {"target": "/daily-summary", "mode": "observe"}}


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Let the board wait less for Prefect's answers than it does: here it hangs for a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deployments, "ANSWER_SECONDS", seconds)
        yield


@pytest.fixture
def prefect(prefect_api_url: str) -> Iterator[Frozen]:
    """A Prefect that can be frozen."""
    with frozen(prefect_api_url) as made:
        yield made


@pytest.fixture
def prefect_url(prefect: Frozen) -> str:
    """Where it answers."""
    return prefect.url


def test_a_program_is_told_that_nothing_was_started_and_may_ask_again(
    program: Programs, playbook: Playbook, prefect: Frozen
) -> None:
    playbook.deploy(FORM)
    chatops, path = program(Role.RESPONDER), f"/playbooks/{playbook.name}"
    assert chatops.get(path).json()["startable"] is True
    prefect.before = "/"

    with impatient(1):
        refused = chatops.post(f"{path}/start", BODY, key="once")

    assert (refused.status_code, refused.json()["detail"]) == (
        503,
        f"{playbook.name} was not started. No answer from Prefect: ReadTimeout.",
    )
    prefect.thaw()
    assert playbook.runs() == []
    assert chatops.post(f"{path}/start", BODY, key="once").status_code == 200
    assert len(playbook.runs()) == 1


def test_where_it_is_not_known_the_same_key_is_the_same_run(
    program: Programs, playbook: Playbook, prefect: Frozen
) -> None:
    playbook.deploy(FORM)
    chatops, path = program(Role.RESPONDER), f"/playbooks/{playbook.name}"
    assert chatops.get(path).json()["startable"] is True
    prefect.after = "/create_flow_run"

    with impatient(LONG_ENOUGH), ThreadPoolExecutor(2) as threads:
        sent = [
            threads.submit(each.post, f"{path}/start", BODY, key=key)
            for each, key in ((chatops, "once"), (program(Role.RESPONDER, "other"), None))
        ]
    doubtful, alone = (each.result() for each in sent)

    assert {each.status_code for each in (doubtful, alone)} == {503}
    said = f"Whether {playbook.name} was started is not known. No answer from Prefect: ReadTimeout."
    assert doubtful.json()["detail"] == (
        f"{said} Ask again with the same Idempotency-Key: it is one run in any case."
    )
    assert alone.json()["detail"].startswith(f"{said} Look at its runs before you ask again")
    assert len(playbook.runs()) == 2  # one for each, which nobody was told of
    prefect.thaw()
    again = chatops.post(f"{path}/start", BODY, key="once")
    assert again.status_code == 200
    assert len(playbook.runs()) == 2
    assert again.json()["run_id"] in {each["id"] for each in playbook.runs()}


def test_the_button_pressed_again_is_the_same_run(
    signed_in: SignedIn, playbook: Playbook, prefect: Frozen
) -> None:
    playbook.deploy(FORM)
    person, path = signed_in(Role.RESPONDER), f"/playbooks/{playbook.name}"
    shown = person.get(path).text
    form = {"p-target": "/daily-summary", "p-mode": "observe", "back": path}
    form["once"] = re.findall(r'name="once" value="([\w-]+)"', shown)[-1]
    prefect.after = "/create_flow_run"

    with impatient(LONG_ENOUGH):
        doubtful = person.send(path, **form)
    prefect.thaw()
    again = person.send(path, **form)

    assert f"Whether {playbook.name} was started is not known." in doubtful.text
    assert "Press the button again: it is one run in any case." in doubtful.text
    assert form["once"] in doubtful.text
    assert again.status_code == 303
    assert len(playbook.runs()) == 1
