"""The table of crash points is complete: a new playbook, option or action adds its own."""

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
from tests.flows.crash_points import ALL, TELLING, At, crash_points_of
from tests.flows.kill_triggers import CONFIRMED, INTENDED, On
from tests.flows.scenarios import CHANGING, CHOICES, WITHOUT_ROW
from tests.flows.test_kills_of_chaos_failure import CRASH_POINTS as STOPS
from tests.flows.test_kills_of_upkeep import EXTENDING, RECOVERING, REVERTING

BESIDE_THE_GATE = {
    "chaos-failure": [point.trigger for point in STOPS],
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


def test_every_playbook_that_passes_the_gate_has_crash_points() -> None:
    assert {scenario.playbook for scenario in CHANGING} == gated()


def test_every_deployment_has_crash_points_or_changes_nothing() -> None:
    """Who changes something beside the gate, or puts things back, has a table of its own."""
    registry = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    kinds = [{scenario.playbook for scenario in CHANGING}, set(BESIDE_THE_GATE), set(WITHOUT_ROW)]

    assert set.union(*kinds) == {entry["name"] for entry in registry}
    assert sum(map(len, kinds)) == len(registry)


@pytest.mark.parametrize("playbook", [name for name in BESIDE_THE_GATE if name != "extend-change"])
def test_whoever_sends_a_call_is_killed_at_each_of_its_boundaries(playbook: str) -> None:
    triggers = BESIDE_THE_GATE[playbook]

    assert {On.SILENCE, On.ANSWER, On.NOTICE} <= {trigger.on for trigger in triggers}
    assert {
        "INSERT INTO target_locks",
        "INSERT INTO permits",
        "INSERT INTO resolutions",
        INTENDED,
        CONFIRMED,
    } <= {trigger.statement for trigger in triggers}


@pytest.mark.parametrize("playbook", sorted(gated()))
def test_whatever_a_playbook_can_be_asked_to_do_has_crash_points(playbook: str) -> None:
    name = playbook.replace("-", "_")
    asked = get_type_hints(inspect.unwrap(getattr(import_module(f"flows.{name}"), name).fn))
    for parameter in CHOICES & asked.keys():
        choices = asked[parameter]
        assert issubclass(choices, StrEnum)
        options = {scenario.option for scenario in CHANGING if scenario.playbook == playbook}
        assert options == {choice.value for choice in choices} - {AS_RECOMMENDED}


def test_every_action_and_every_undo_has_crash_points() -> None:
    steps = [step for scenario in CHANGING for step in scenario.steps]
    undone = {step.undo_method for step in steps if step.undo_method}

    assert {step.method for step in steps} | undone == set(ACTIONS)


def test_every_boundary_of_every_scenario_is_in_the_table() -> None:
    """But for those that a scenario has not: an end to arrange, or an undo."""
    for scenario in CHANGING:
        at = {point.at for point in crash_points_of(scenario)}
        lacking = set() if any(step.lasts for step in scenario.steps) else {At.ARRANGED, At.WOKEN}
        if not any(step.undo_method and not step.stays for step in scenario.steps):
            lacking |= {each for each in At if each.name.startswith("UNDO_")} - {At.UNDO_DECIDED}
        assert at == set(At) - lacking, scenario


def test_those_in_every_test_run_are_of_every_scenario_and_at_every_boundary() -> None:
    assert {str(point.scenario) for point in TELLING} == {str(scenario) for scenario in CHANGING}
    assert {point.at for point in TELLING} == set(At)
    assert any(point.sleeps for point in TELLING)
    assert len({str(point) for point in ALL}) == len(ALL)


def test_what_cannot_be_taken_back_is_left_to_a_person() -> None:
    for point in ALL:
        irreversible = all(step.undo_method is None for step in point.scenario.steps)
        if irreversible and point.at is At.CONFIRMED:
            assert (point.outcome, point.stands) == (Outcome.FAILED, True)
