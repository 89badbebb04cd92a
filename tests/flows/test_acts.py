"""The table of deaths is complete: who adds a playbook, an option or an action adds its deaths."""

from __future__ import annotations

import inspect
from enum import StrEnum
from importlib import import_module
from typing import get_type_hints

import pytest
import yaml

from cct_ops.actions.registry import ACTIONS
from cct_ops.models.run import Outcome
from tests.conftest import ROOT
from tests.flows.acts import ACTS, CHOICES
from tests.flows.deaths import ALL, TELLING, At, deaths_of
from tests.flows.matrix import WITHOUT_ROW
from tests.flows.test_kills_of_chaos_failure import DEATHS as STOPS
from tests.flows.test_kills_of_upkeep import EXTENDING, RECOVERING, REVERTING
from tests.flows.traps import CONFIRMED, INTENDED, On

BESIDE_THE_GATE = {
    "chaos-failure": [death.trap for death in STOPS],
    "revert-change": list(REVERTING.values()),
    "extend-change": list(EXTENDING.values()),  # it changes nothing but the ledger
    "recover": list(RECOVERING.values()),
}
# What these do by themselves is no choice of their own.
AS_RECOMMENDED = "recommended"


def gated() -> set[str]:
    """Every playbook that passes the gate."""
    flows = (ROOT / "flows").glob("[!_]*.py")
    return {each.stem.replace("_", "-") for each in flows if "authorise(" in each.read_text()}


def test_every_playbook_that_passes_the_gate_has_deaths() -> None:
    assert {act.playbook for act in ACTS} == gated()


def test_every_deployment_has_deaths_or_changes_nothing() -> None:
    """Who changes something beside the gate, or puts things back, has a table of its own."""
    registry = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    kinds = [{act.playbook for act in ACTS}, set(BESIDE_THE_GATE), set(WITHOUT_ROW)]

    assert set.union(*kinds) == {entry["name"] for entry in registry}
    assert sum(map(len, kinds)) == len(registry)


@pytest.mark.parametrize("playbook", [name for name in BESIDE_THE_GATE if name != "extend-change"])
def test_whoever_sends_a_call_dies_at_each_of_its_boundaries(playbook: str) -> None:
    traps = BESIDE_THE_GATE[playbook]

    assert {On.SILENCE, On.ANSWER, On.NOTICE} <= {trap.on for trap in traps}
    assert {
        "INSERT INTO target_locks",
        "INSERT INTO permits",
        "INSERT INTO resolutions",
        INTENDED,
        CONFIRMED,
    } <= {trap.statement for trap in traps}


@pytest.mark.parametrize("playbook", sorted(gated()))
def test_whatever_a_playbook_can_be_asked_to_do_has_deaths(playbook: str) -> None:
    name = playbook.replace("-", "_")
    asked = get_type_hints(inspect.unwrap(getattr(import_module(f"flows.{name}"), name).fn))
    for parameter in CHOICES & asked.keys():
        choices = asked[parameter]
        assert issubclass(choices, StrEnum)
        dying = {act.option for act in ACTS if act.playbook == playbook}
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
        if not any(step.undo_method and not step.stays for step in act.steps):
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
