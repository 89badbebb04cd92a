"""Repairing a summary: what follows from the summary itself, and nothing else."""

from __future__ import annotations

import copy

from cct_ops.summaries.repair import repair, repaired_copy
from cct_ops.summaries.rules import check
from cct_ops.summaries.schema import validator
from tests.summaries.parts import SCHEMA, summary

CHECKER = validator(SCHEMA, "schema")


def test_a_repaired_summary_fits_the_schema_and_agrees_with_itself() -> None:
    wrong = summary(total_tests="12", success_rate=3, overall_status="PASS")
    wrong |= {"conclusion": "PASS", "surplus": 1}
    wrong["test_metadata"]["execution_id"] = "exec-17"

    proposal = repair(CHECKER, wrong, "a")
    repaired, _ = repaired_copy(CHECKER, wrong)

    assert proposal.left == ()
    assert check({"a": repaired}) == ()
    assert repaired["conclusion"] == "success"
    assert repaired["test_results"]["total_tests"] == 8
    assert "surplus" not in repaired


def test_each_change_is_said() -> None:
    proposal = repair(CHECKER, summary() | {"conclusion": "FAIL"}, "a")

    assert [change.sentence for change in proposal.changes] == [
        "conclusion is 'failure' instead of 'FAIL'"
    ]


def test_what_the_summary_does_not_tell_is_left_and_named() -> None:
    wrong = summary()
    wrong["test_metadata"]["timestamp"] = "yesterday"

    proposal = repair(CHECKER, wrong, "a")

    assert proposal.changes == ()
    assert [found.path for found in proposal.left] == ["test_metadata.timestamp"]


def test_the_same_summary_is_always_repaired_alike_and_is_itself_left_alone() -> None:
    wrong = summary()
    wrong["test_metadata"]["execution_id"] = "exec-17"
    before = copy.deepcopy(wrong)

    assert repaired_copy(CHECKER, wrong) == repaired_copy(CHECKER, wrong)
    assert wrong == before


def test_a_right_summary_is_not_changed() -> None:
    assert repaired_copy(CHECKER, summary(overall_status="FAIL"))[1] == ()
