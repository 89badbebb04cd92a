"""Validating what a run left behind: one odd artifact is reported and hides nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cct_ops.diagnoses.schema_findings import Fix, SchemaFindings, Validation
from cct_ops.diagnoses.schema_validation import SchemaDiagnosis
from cct_ops.models.github import RepositoryFile
from cct_ops.scenarios.seeds import SCHEMA, summary
from tasks.validate import validate_summaries


def file(path: str, document: object) -> RepositoryFile:
    """A file of the repository."""
    return RepositoryFile(path=path, sha=path, content=json.dumps(document).encode())


def seen(artifacts: dict[str, bytes], schema: object = SCHEMA) -> Validation:
    """What the task finds with the repository's own summary and these artifacts."""
    own = summary() | {"coverage": 81}
    return validate_summaries.fn(file("schema.json", schema), file("own.json", own), artifacts)


ODD = [
    b'{"a": 1e400}',
    b'{"a": ' + b"9" * 400 + b"}",
    b'{"a": "\\ud800"}',
    b'{"a":' * 300 + b"1" + b"}" * 300,
    b'{"a":' * 100_000,
    b'{"a": 1, "a": 2}',
    b"\xff",
    b"",
    b"[]",
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_artifact_is_named_and_the_others_are_judged_as_before(odd: bytes) -> None:
    good = json.dumps(summary() | {"conclusion": "PASS"}).encode()

    found = seen({"odd-summary.json": odd, "good-summary.json": good})

    assert found.schema_problem is None
    assert [said.split(":")[0] for said in found.unreadable] == ["odd-summary.json"]
    assert {problem.summary for problem in found.problems} == {"own.json", "good-summary.json"}
    assert found.schema_fix is not None
    assert [change.pointer for change in found.schema_fix.changes] == ["/properties/coverage"]


@pytest.mark.parametrize("odd", [10**300, -(2**60), 1e308])
def test_a_count_that_nobody_counts_to_is_a_problem_of_its_own_summary(odd: float) -> None:
    wrong = json.dumps(summary(total_tests=odd)).encode()

    found = seen({"odd-summary.json": wrong})

    assert "test_results.total_tests" in {
        each.path for each in found.problems if each.summary == "odd-summary.json"
    }


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#"}, "leads back to itself"),
        ({"$schema": 5}, "$schema names no draft that is known"),
        ({"pattern": "(?i)a"}, "which is no pattern of ECMA-262"),
        ({"items": {"type": "strin"}}, "items.type: not a valid schema"),
        ({"$ref": "#/nowhere"}, "which is not in it"),
    ],
)
def test_an_odd_schema_is_the_schemas_problem_and_artifacts_stay_named(
    schema: dict[str, Any], said: str
) -> None:
    found = seen({"odd-summary.json": b"{"}, {"$schema": SCHEMA["$schema"]} | schema)

    assert said in (found.schema_problem or "")
    assert [each.split(":")[0] for each in found.unreadable] == ["odd-summary.json"]


def test_a_flood_of_new_fields_is_a_sentence_and_no_pull_request() -> None:
    many = summary() | {f"field{n}": n for n in range(5000)}
    found = validate_summaries.fn(file("s.json", SCHEMA), file("own.json", many), {})

    diagnosis = SchemaDiagnosis.of(
        "deploy.yml",
        SchemaFindings(
            runs=(),
            run=None,
            report=None,
            mentions=(),
            validation=found,
            schema_file=file("s.json", SCHEMA),
            summary_file=file("own.json", many),
            mode=None,
        ),
        Fix.SCHEMA,
        60,
    )

    assert diagnosis.plan is None
    assert "5000 changes of s.json are more than people review" in diagnosis.headline
    assert len(diagnosis.model_dump_json()) < 10_000
