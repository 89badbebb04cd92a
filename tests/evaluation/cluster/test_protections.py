"""Each claim has a protection whose edits still fit, and leave code that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cluster.faults import PAIRS
from evaluation.cluster.names import CLAIMS
from evaluation.cluster.protections import PROTECTIONS, Edit, Protection, edited, named, source
from tests.import_rules import ROOT


def test_each_claim_has_a_protection_and_a_fault_under_which_that_shows() -> None:
    assert {each.claim for each in PROTECTIONS} == set(CLAIMS)
    assert all(pair in PAIRS for each in PROTECTIONS for pair in each.pairs)
    assert all(each.pairs for each in PROTECTIONS)


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda each: str(each.name))
def test_without_it_the_code_is_another_one_and_can_be_read(protection: Protection) -> None:
    for edit in protection.edits:
        before = (ROOT / edit.file).read_text()
        after = edited(edit, before)
        assert after != before
        compile(after, edit.file, "exec")


def test_a_copy_has_what_parts_run_from_and_only_that_edit(tmp_path: Path) -> None:
    protection = next(each for each in PROTECTIONS if len(each.edits) == 1)
    copy = source([protection], tmp_path)

    (edit,) = protection.edits
    changed = (copy / edit.file).read_text()
    assert edit.new in changed
    assert changed == edited(edit, (ROOT / edit.file).read_text())
    for name in ("prefect.yaml", "flows/auto_rollback.py", "tasks/verify.py"):
        assert (copy / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_copy_can_be_without_all_of_them(tmp_path: Path) -> None:
    copy = source(PROTECTIONS, tmp_path)

    for edit in (edit for each in PROTECTIONS for edit in each.edits):
        assert edit.new in (copy / edit.file).read_text()


def test_an_edit_that_does_not_fit_any_more_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(ValueError, match="has not once"):
        edited(Edit("a.py", "x", "y"), "xx")
    with pytest.raises(ValueError, match="no protection is called 'none of them'"):
        named("none of them")
    assert named("") == ()
    assert named("all") == PROTECTIONS
