"""The table of deaths is complete: who adds a playbook, an option or an action adds its deaths."""

from __future__ import annotations

import inspect
from enum import StrEnum
from importlib import import_module
from typing import get_type_hints

import pytest

from cct_ops.models.outcome import Outcome
from tasks.actions import ACTIONS
from tests.conftest import ROOT
from tests.flows.acts import ACTS, CHOICES
from tests.flows.deaths import ALL, TELLING, At, deaths_of

# What these do by themselves is no choice of their own.
AS_RECOMMENDED = "recommended"


def gated() -> set[str]:
    """Every playbook that passes the gate."""
    flows = (ROOT / "flows").glob("[!_]*.py")
    return {each.stem.replace("_", "-") for each in flows if "authorise(" in each.read_text()}


def test_every_playbook_that_passes_the_gate_has_deaths() -> None:
    assert {act.playbook for act in ACTS} == gated()


@pytest.mark.parametrize("playbook", sorted(gated()))
def test_whatever_a_playbook_can_be_asked_to_do_has_deaths(playbook: str) -> None:
    name = playbook.replace("-", "_")
    asked = get_type_hints(inspect.unwrap(getattr(import_module(f"flows.{name}"), name).fn))
    for parameter in CHOICES & asked.keys():
        choices = asked[parameter]
        assert issubclass(choices, StrEnum)
        dying = {act.parameters.get(parameter) for act in ACTS if act.playbook == playbook}
        assert dying == {choice.value for choice in choices} - {AS_RECOMMENDED}


def test_every_action_and_every_undo_has_deaths() -> None:
    steps = [step for act in ACTS for step in act.steps]
    undone = {step.undo_method for step in steps if step.undo_method}

    assert {step.method for step in steps} | undone == set(ACTIONS)


def test_every_boundary_of_every_act_is_in_the_table() -> None:
    """But for those that an act has not: an end to arrange, or an undo."""
    for act in ACTS:
        at = {death.at for death in deaths_of(act)}
        lacking = set() if any(step.lasts for step in act.steps) else {At.ARRANGED, At.WOKEN}
        if not any(step.undo_method for step in act.steps):
            lacking |= {each for each in At if each.name.startswith("UNDO_")} - {At.UNDO_DECIDED}
        assert at == set(At) - lacking, act


def test_those_in_every_test_run_are_of_every_act_and_at_every_boundary() -> None:
    assert {str(death.act) for death in TELLING} == {str(act) for act in ACTS}
    assert {death.at for death in TELLING} == set(At)
    assert any(death.sleeps for death in TELLING)
    assert len({str(death) for death in ALL}) == len(ALL)


def test_what_cannot_be_taken_back_is_left_to_a_person() -> None:
    for death in ALL:
        irreversible = all(step.undo_method is None for step in death.act.steps)
        if irreversible and death.at is At.CONFIRMED:
            assert (death.outcome, death.stands) == (Outcome.FAILED, True)
