"""``cct-ops summary``, as an operator types it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from cct_ops import cli
from cct_ops.summaries.rules import check
from tests.conftest import ROOT
from tests.summaries.parts import SCHEMA, summary

CCT = ROOT.parent / "shared" / "cct"

ccts_own = pytest.mark.skipif(
    not CCT.is_dir(), reason="CCT's own schema and summary are not beside the checkout"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a schema, where the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test-summary-schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Run ``cct-ops summary`` with these arguments and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["cct-ops", "summary", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@ccts_own
@pytest.mark.parametrize(
    ("mode", "code", "word"),
    [("strict", 1, "error: "), ("warn", 0, "warning: "), ("silent", 0, "")],
)
def test_ccts_own_summary_has_one_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    code: int,
    word: str,
) -> None:
    given = [str(CCT / "test-summary-schema.json"), str(CCT / "test-summary.json")]

    assert run(monkeypatch, "validate", *given, "--mode", mode) == code

    said = capsys.readouterr().out
    assert bool(word) == ("ci_annotations.check_run_annotations[0].conclusion" in said)
    assert said.count(word) == 1 if word else said == ""


@pytest.mark.parametrize(("mode", "code"), [("strict", 1), ("warn", 0)])
def test_a_broken_business_rule_is_found_among_several_summaries(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    code: int,
) -> None:
    (folder / "a.json").write_text(json.dumps(summary()))
    (folder / "b.json").write_text(json.dumps(summary(success_rate=3)))

    schema = "test-summary-schema.json"
    assert run(monkeypatch, "validate", schema, "a.json", "b.json", "--mode", mode) == code

    assert "b.json: test_results.success_rate: is 3" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["strict", "warn", "silent"])
def test_what_cannot_be_read_fails_in_every_mode(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    (folder / "broken.json").write_text("{")

    schema = "test-summary-schema.json"
    for name in ("missing.json", "broken.json"):
        assert run(monkeypatch, "validate", schema, name, "--mode", mode) == 1
        assert capsys.readouterr().err.startswith(f"cct-ops: {name}")


@ccts_own
def test_generate_writes_a_valid_summary_of_the_results(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [
        {"name": "a", "status": "pass", "duration_ms": 10},
        {"name": "b", "status": "warn", "message": "slow"},
        {"name": "c", "status": "fail", "message": "no"},
        {"name": "d", "status": "skip"},
    ]
    (folder / "results.json").write_text(json.dumps(results))
    shutil.copyfile(CCT / "test-summary-schema.json", folder / "test-summary-schema.json")

    given = ("Test Name", "1.0.0", "new.json", "--results", "results.json")
    assert run(monkeypatch, "generate", *given) == 0

    made = json.loads((folder / "new.json").read_text())
    assert check({"new": made}) == ()
    assert made["test_results"]["success_rate"] == 50
    assert made["test_results"]["overall_status"] == "FAIL"
    assert [each["name"] for each in made["failed_tests"]] == ["c"]


def test_generate_never_touches_a_file_that_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "test-summary.json").write_text("precious")

    assert run(monkeypatch, "generate", "Test Name") == 1

    assert (folder / "test-summary.json").read_text() == "precious"
    assert "was left as it is" in capsys.readouterr().err


def test_generate_writes_nothing_that_the_schema_beside_it_refuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The small schema knows no key_metrics."""
    assert run(monkeypatch, "generate", "Test Name") == 1

    assert not (folder / "test-summary.json").exists()
    assert "nothing was written" in capsys.readouterr().err


def test_update_repairs_the_file_and_says_what_it_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "test-summary.json"
    file.write_text(json.dumps(summary() | {"conclusion": "PASS"}))

    assert run(monkeypatch, "update", "test-summary.json") == 0

    assert json.loads(file.read_text())["conclusion"] == "success"
    assert "conclusion is 'success' instead of 'PASS'" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == [
        "test-summary-schema.json",
        "test-summary.json",
    ]


def test_update_leaves_alone_what_it_cannot_put_right(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = json.dumps(summary(overall_status="PASS") | {"conclusion": "maybe"})
    (folder / "test-summary.json").write_text(wrong)

    assert run(monkeypatch, "update", "test-summary.json") == 1

    assert (folder / "test-summary.json").read_text() == wrong
