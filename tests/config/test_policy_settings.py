"""
No setting of the policy is accepted and then does nothing: each names the test that would fail.

The list is held against the models, so that a new setting must say which test it has, and against
the tests, so that none is claimed that is not there or that never sets it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from cct_ops.config.policy import Policy
from tests.conftest import ROOT

GUARDS = "ledger/test_guards.py"
GATE = "gate/test_guards.py"
APPROVALS = "approvals/test_policy.py"
COSIGNERS = "record/test_http_witness.py"
STAMPS = "record/test_time_stamps.py"
WINDOWS = "config/test_policy.py"
STREAM = "record/test_http_stream.py"
CONTROLLER = "controller/test_streams.py"

# Each sets it to two values, or to one that its default is not, and sees the difference.
TESTS = {
    "playbooks.ceiling": (GATE, "test_the_lowest_of_request_ceiling_and_record_holds"),
    "playbooks.targets": (GATE, "test_every_setting_of_the_file_reaches_the_guards"),
    "playbooks.clean_since": (GATE, "test_a_person_gives_trust_back_in_the_file"),
    "guards.cool_down_minutes": (GUARDS, "test_the_cool_down_is_counted_per_playbook_and_target"),
    "guards.failed_attempts": (GUARDS, "test_the_breaker_opens_after_failed_attempts"),
    "guards.recurring_fixes.count": (GUARDS, "test_fixes_that_do_not_last_open_the_other_breaker"),
    "guards.recurring_fixes.within_hours": (
        GUARDS,
        "test_fixes_that_do_not_last_open_the_other_breaker",
    ),
    "guards.backoff.first_minutes": (
        GUARDS,
        "test_the_pause_after_a_failed_attempt_doubles_up_to_a_limit",
    ),
    "guards.backoff.longest_minutes": (
        GUARDS,
        "test_the_pause_after_a_failed_attempt_doubles_up_to_a_limit",
    ),
    "guards.actions_per_hour": (GUARDS, "test_the_budget_counts_the_actions_of_all_playbooks"),
    "guards.storm.incidents": (GUARDS, "test_many_new_incidents_at_once_are_a_storm"),
    "guards.storm.within_minutes": (GUARDS, "test_many_new_incidents_at_once_are_a_storm"),
    "maintenance.name": (GATE, "test_every_setting_of_the_file_reaches_the_guards"),
    "maintenance.days": (WINDOWS, "test_a_window_reaches_past_midnight"),
    "maintenance.start": (WINDOWS, "test_a_window_reaches_past_midnight"),
    "maintenance.end": (WINDOWS, "test_a_window_reaches_past_midnight"),
    "maintenance.timezone": (WINDOWS, "test_a_window_keeps_the_hours_of_its_own_time_zone"),
    "maintenance.targets": (GUARDS, "test_a_maintenance_window_that_is_open_stops_changes"),
    "autonomy.verified_fixes": (GATE, "test_a_raise_is_proposed_after_the_files_count_of_fixes"),
    "autonomy.recurs_within_hours": (GATE, "test_a_fix_recurs_within_the_hours_of_the_file"),
    "autonomy.classes": (GATE, "test_the_lowest_of_request_ceiling_and_record_holds"),
    "temporary_changes.longest_minutes": (
        "flows/test_revert_change.py",
        "test_policy_limits_how_long_a_weakening_lasts",
    ),
    "temporary_changes.alarm_after_minutes": (
        "flows/test_revert_change.py",
        "test_the_sweep_replaces_a_lost_scheduled_revert_and_reports_what_is_overdue",
    ),
    "follow_ups.remind_at": (
        "controller/follow_ups/test_reminders.py",
        "test_nobody_is_reminded_before_the_hour_of_policy",
    ),
    "follow_ups.github_issues": (
        "controller/follow_ups/test_issues.py",
        "test_no_issue_is_made_where_policy_wants_none",
    ),
    "approvals.accept_form": (
        "flows/test_approvals.py",
        "test_the_form_counts_where_policy_accepts_it",
    ),
    "approvals.second_person.severities": (
        APPROVALS,
        "test_who_is_asked_for_depends_on_severity_and_playbook",
    ),
    "approvals.second_person.playbooks": (
        APPROVALS,
        "test_who_is_asked_for_depends_on_severity_and_playbook",
    ),
    "approvals.second_person.irreversible": (
        APPROVALS,
        "test_what_cannot_be_undone_needs_two_unless_policy_says_otherwise",
    ),
    "audit.witnesses.file": (
        "record/test_audit.py",
        "test_each_witness_that_policy_names_sees_every_checkpoint",
    ),
    "audit.witnesses.git": (
        "record/test_git_witness.py",
        "test_each_checkpoint_is_a_commit_that_is_pushed",
    ),
    "audit.witnesses.http": (COSIGNERS, "test_what_is_no_witness_is_named"),
    "audit.witnesses.key": (COSIGNERS, "test_what_another_key_signed_is_not_taken"),
    "audit.witnesses.token.env": (COSIGNERS, "test_the_token_is_read_where_policy_says"),
    "audit.witnesses.token.file": (COSIGNERS, "test_the_token_is_read_where_policy_says"),
    "audit.time_stamps.url": (STAMPS, "test_an_authority_that_is_away_holds_up_nothing"),
    "audit.time_stamps.certificates": (STAMPS, "test_a_time_stamp_of_somebody_else_is_none"),
    "audit.time_stamps.every_minutes": (
        STAMPS,
        "test_a_checkpoint_is_stamped_once_in_so_many_minutes",
    ),
    "audit.streams.name": (CONTROLLER, "test_the_policy_of_this_moment_decides"),
    "audit.streams.http": (STREAM, "test_an_event_alone_is_sent_in_the_form_for_one"),
    "audit.streams.file": ("record/test_file_stream.py", "test_each_event_is_a_line"),
    "audit.streams.token.env": (STREAM, "test_a_token_is_sent_and_never_shown"),
    "audit.streams.token.file": (STREAM, "test_a_token_is_sent_and_never_shown"),
    "audit.streams.scheme": (STREAM, "test_a_token_is_sent_and_never_shown"),
    "audit.streams.batch_events": (STREAM, "test_an_event_alone_is_sent_in_the_form_for_one"),
    "audit.streams.begin": (STREAM, "test_a_new_stream_begins_now_or_at_the_start"),
    "audit.streams.behind_minutes": (
        CONTROLLER,
        "test_people_are_notified_once_of_a_stream_that_is_behind_and_once_of_its_end",
    ),
}


def settings_of(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Yield each setting by its way through the sections, whatever lists or maps lie between."""
    for name, field in model.model_fields.items():
        inner = [each for each in _inside(field.annotation) if issubclass(each, BaseModel)]
        if inner:
            yield from settings_of(inner[0], f"{section}{name}.")
        else:
            yield f"{section}{name}"


def _inside(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for each in get_args(annotation):
        yield from _inside(each)


def test_every_setting_has_a_test() -> None:
    assert set(settings_of(Policy)) == set(TESTS)


@pytest.mark.parametrize("setting", TESTS)
def test_the_test_of_a_setting_is_there_and_sets_it(setting: str) -> None:
    """In its own lines, or in the policy that all tests of its file share."""
    file, function = TESTS[setting]
    text = (ROOT / "tests" / file).read_text()
    tree = ast.parse(text)
    (found,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function
    ]
    own = ast.get_source_segment(text, found) or ""
    with_arguments = own + "".join(ast.unparse(each) for each in found.decorator_list)
    shared = "".join(
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
    )
    name = setting.rpartition(".")[2]
    assert name in with_arguments or name in shared
