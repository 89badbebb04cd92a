"""The made-up week, and what today's rules make of it: a change of them shows in a review."""

from __future__ import annotations

import yaml

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.controller.routes import read_routes
from cct_ops.replay import history
from cct_ops.replay.history import Delivered, RunOfThen
from cct_ops.scenarios.every import DRAFTS
from evaluation.history.__main__ import EXPECTED, HISTORY, RULES, replayed, shown
from evaluation.history.telling import SOURCES
from evaluation.history.week import week
from tests.conftest import ROOT


def test_the_recorded_week_is_the_one_that_is_told() -> None:
    """`python -m evaluation.history` writes it anew."""
    assert "".join(map(history.written, week().lines())) == HISTORY.read_text()


def test_todays_rules_make_of_the_week_what_was_reviewed() -> None:
    """Where they no longer do, `python -m evaluation.history` writes down what they do now."""
    assert shown(replayed()) == EXPECTED.read_text()


def test_each_kind_of_sender_and_each_playbook_is_in_it() -> None:
    """But for playbooks that are still being made."""
    lines = list(history.read(HISTORY))
    sources = yaml_files.load(SOURCES, Sources).sources
    delivered = {each.source for each in lines if isinstance(each, Delivered)}
    kinds = {"alertmanager", "grafana", "pagerduty", "github", "cloudevents", "standard-webhooks"}
    registry = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    playbooks = {each["name"] for each in registry if "upkeep" not in each["tags"]} - DRAFTS
    routed = {each.playbook for each in read_routes(RULES.routes).rules} - DRAFTS
    fired = {each.playbook for each in replayed().fates if each.fired}

    assert {sources[name].kind for name in delivered & sources.keys()} == {*kinds, "json"}
    assert {each.playbook for each in lines if isinstance(each, RunOfThen)} >= playbooks
    assert fired >= routed - {None}
