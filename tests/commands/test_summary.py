"""``cct-ops summary``, as an operator types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.rules import check
from tests.commands.conftest import Program
from tests.conftest import ROOT

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


@ccts_own
@pytest.mark.parametrize(
    ("mode", "code", "word"),
    [("strict", 1, "error: "), ("warn", 0, "warning: "), ("silent", 0, "")],
)
def test_ccts_own_summary_has_one_error(program: Program, mode: str, code: int, word: str) -> None:
    given = [str(CCT / "test-summary-schema.json"), str(CCT / "test-summary.json")]
    ended = program("summary", "validate", *given, "--mode", mode)
    assert ended.code == code

    said = ended.out
    assert bool(word) == ("ci_annotations.check_run_annotations[0].conclusion" in said)
    assert said.count(word) == 1 if word else said == ""


@pytest.mark.parametrize(("mode", "code"), [("strict", 1), ("warn", 0)])
def test_a_broken_business_rule_is_found_among_several_summaries(
    folder: Path, program: Program, mode: str, code: int
) -> None:
    (folder / "a.json").write_text(json.dumps(summary()))
    (folder / "b.json").write_text(json.dumps(summary(success_rate=3)))

    given = ("test-summary-schema.json", "a.json", "b.json", "--mode", mode)
    ended = program("summary", "validate", *given)
    assert ended.code == code
    assert "b.json: test_results.success_rate: is 3" in ended.out


@pytest.mark.parametrize("mode", ["strict", "warn", "silent"])
def test_what_cannot_be_read_fails_in_every_mode(folder: Path, program: Program, mode: str) -> None:
    (folder / "broken.json").write_text("{")
    for name in ("missing.json", "broken.json"):
        ended = program("summary", "validate", "test-summary-schema.json", name, "--mode", mode)
        assert ended.code == 1
        assert ended.err.startswith(f"cct-ops: {name}")


def test_one_that_cannot_be_read_keeps_no_other_from_being_judged(
    folder: Path, program: Program
) -> None:
    (folder / "a.json").write_text(json.dumps(summary(total_tests=-1)))

    ended = program("summary", "validate", "test-summary-schema.json", "missing.json", "a.json")
    assert ended.code == 1
    assert "a.json: test_results.total_tests: is -1" in ended.out
    assert ended.err.startswith("error: missing.json: ")


@ccts_own
def test_generate_writes_a_valid_summary_of_the_results(folder: Path, program: Program) -> None:
    results = [
        {"name": "a", "status": "pass", "duration_ms": 10},
        {"name": "b", "status": "warn", "message": "slow"},
        {"name": "c", "status": "fail", "message": "no"},
        {"name": "d", "status": "skip"},
    ]
    (folder / "results.json").write_text(json.dumps(results))
    shutil.copyfile(CCT / "test-summary-schema.json", folder / "test-summary-schema.json")

    given = ("Test Name", "1.0.0", "new.json", "--results", "results.json")
    assert program("summary", "generate", *given).code == 0

    made = json.loads((folder / "new.json").read_text())
    assert check({"new": made}) == ()
    assert made["test_results"]["success_rate"] == 50
    assert made["test_results"]["overall_status"] == "FAIL"
    assert [each["name"] for each in made["failed_tests"]] == ["c"]


def test_generate_never_touches_a_file_that_is_there(folder: Path, program: Program) -> None:
    (folder / "test-summary.json").write_text("precious")

    ended = program("summary", "generate", "Test Name")
    assert ended.code == 1

    assert (folder / "test-summary.json").read_text() == "precious"
    assert "was left as it is" in ended.err


def test_generate_writes_nothing_that_the_schema_beside_it_refuses(
    folder: Path, program: Program
) -> None:
    """The small schema knows no key_metrics."""
    ended = program("summary", "generate", "Test Name")
    assert ended.code == 1

    assert not (folder / "test-summary.json").exists()
    assert "nothing was written" in ended.err


def test_update_repairs_the_file_and_says_what_it_changed(folder: Path, program: Program) -> None:
    file = folder / "test-summary.json"
    file.write_text(json.dumps(summary() | {"conclusion": "PASS"}))

    ended = program("summary", "update", "test-summary.json")
    assert ended.code == 0

    assert json.loads(file.read_text())["conclusion"] == "success"
    assert "conclusion is 'success' instead of 'PASS'" in ended.out
    assert sorted(path.name for path in folder.iterdir()) == [
        "test-summary-schema.json",
        "test-summary.json",
    ]


def test_update_leaves_alone_what_it_cannot_put_right(folder: Path, program: Program) -> None:
    wrong = json.dumps(summary(overall_status="PASS") | {"conclusion": "maybe"})
    (folder / "test-summary.json").write_text(wrong)

    assert program("summary", "update", "test-summary.json").code == 1

    assert (folder / "test-summary.json").read_text() == wrong


def test_update_keeps_what_a_pattern_of_the_schema_allows_and_says_what_it_leaves_out(
    folder: Path, program: Program
) -> None:
    (folder / "s.json").write_text(json.dumps(SCHEMA | {"patternProperties": {"^x_": {}}}))
    file = folder / "test-summary.json"
    file.write_text(json.dumps(summary() | {"x_owner": "ada", "y": "gone"}))

    ended = program("summary", "update", "test-summary.json", "--schema", "s.json")
    assert ended.code == 0

    assert json.loads(file.read_text()) == summary() | {"x_owner": "ada"}
    assert "y is left out, because the schema does not know it; it was 'gone'" in ended.out


@pytest.mark.parametrize("digits", ["87.50000000000000000001", "1e-400", "0.10000000000000000555"])
def test_update_does_not_shorten_a_number_in_passing(
    folder: Path, program: Program, digits: str
) -> None:
    file = folder / "test-summary.json"
    given = json.dumps(summary(precise=0.25) | {"conclusion": "PASS"}).replace("0.25", digits)
    file.write_text(given)

    ended = program("summary", "update", "test-summary.json")
    assert ended.code == 1

    assert file.read_text() == given
    assert "test_results.precise has more digits than would be kept" in ended.err


def test_update_writes_through_a_link(folder: Path, program: Program) -> None:
    (folder / "real.json").write_text(json.dumps(summary() | {"conclusion": "PASS"}))
    (folder / "test-summary.json").symlink_to("real.json")

    assert program("summary", "update", "test-summary.json").code == 0

    assert (folder / "test-summary.json").is_symlink()
    assert json.loads((folder / "real.json").read_text())["conclusion"] == "success"


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ('[{"name": "a", "status": "pass", "duration_ms": 1e400}]', "[0].duration_ms: is a number"),
        (
            '[{"name": "a", "status": "pass", "duration_ms": 1e300}]',
            "[0].duration_ms: Input should",
        ),
        ('[{"name": "\\ud800", "status": "pass"}]', "[0].name: holds half of a character"),
        ('[{"name": "a", "name": "b", "status": "pass"}]', "the name 'name' is there twice"),
        ('[{"name": "a", "status": "pass", "duration_ms": NaN}]', "NaN is not a JSON value"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{}", "(top level): Input should be a valid list"),
    ],
)
def test_odd_results_are_one_sentence_and_no_summary(
    folder: Path, program: Program, results: str, said: str
) -> None:
    (folder / "r.json").write_text(results)

    ended = program("summary", "generate", "Test", "1.0.0", "new.json", "--results", "r.json")
    assert ended.code == 1

    assert not (folder / "new.json").exists()
    shown = ended.err
    assert shown.startswith("cct-ops: r.json: ")
    assert said in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "command", [("validate", "s.json", "d.json"), ("update", "d.json", "--schema", "s.json")]
)
@pytest.mark.parametrize(
    ("schema", "document", "said"),
    [
        ({"$ref": "#"}, summary(), "leads back to itself"),
        ({"$schema": 5}, summary(), "$schema names no draft that is known: 5"),
        ({"items": {"type": "strin"}}, summary(), "s.json: items.type: not a valid schema"),
        ({"multipleOf": 0.5}, {"a": 10**400}, "d.json: a: is a number that is too large"),
        ({"pattern": "(?i)a"}, summary(), "which is no pattern of ECMA-262"),
        ({}, {"a": "\ud800"}, "d.json: a: holds half of a character"),
    ],
)
def test_an_odd_file_is_one_sentence_in_every_command(
    folder: Path,
    program: Program,
    command: tuple[str, ...],
    schema: dict[str, object],
    document: dict[str, object],
    said: str,
) -> None:
    (folder / "s.json").write_text(json.dumps({"$schema": SCHEMA["$schema"]} | schema))
    (folder / "d.json").write_text(json.dumps(document))

    ended = program("summary", *command)
    assert ended.code == 1
    shown = ended.err
    assert shown.startswith("cct-ops: ")
    assert said in shown
    assert shown.count("\n") == 1


def test_a_text_that_is_not_unicode_leaves_no_file_behind(folder: Path, program: Program) -> None:
    """As the shell hands over bytes that are no UTF-8."""
    (folder / "test-summary-schema.json").unlink()

    ended = program("summary", "generate", "a\udcffb", "1.0.0", "new.json")
    assert ended.code == 1

    assert not (folder / "new.json").exists()
    assert "such as the test's name, is not Unicode" in ended.err


def test_a_summary_whose_files_name_is_not_unicode_is_checked_all_the_same(
    folder: Path, program: Program
) -> None:
    (folder / "d\udcff.json").write_text(json.dumps(summary(success_rate=3)))

    ended = program("summary", "validate", "test-summary-schema.json", "d\udcff.json")
    assert ended.code == 1

    assert "test_results.success_rate: is 3" in ended.out


def test_a_file_without_an_end_is_not_read_to_it(program: Program) -> None:
    ended = program("summary", "validate", "test-summary-schema.json", "/dev/zero")
    assert ended.code == 1

    assert "/dev/zero: is larger than" in ended.err
