"""The upgrade that is counted begins from a release of this repository that can be drained."""

from __future__ import annotations

from pathlib import Path

from evaluation.upgrade.installation import before_newest_migration, checked_out


def test_the_old_release_is_whole_and_can_be_drained(tmp_path: Path) -> None:
    code = checked_out(before_newest_migration(), tmp_path / "old")

    assert (code / "prefect.yaml").is_file()
    assert (code / "src" / "cct_ops" / "commands" / "drain.py").is_file()
    assert list((code / "src" / "cct_ops" / "ledger" / "migrations" / "versions").glob("0*.py"))
