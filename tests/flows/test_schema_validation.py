"""The schema-validation playbook: from a blocked deployment to a proposed way out."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prefect import flow

from cct_ops.diagnoses.schema_findings import Fix
from cct_ops.ledger.gate import changes
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededPull, SeededRun
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios.seeds import SCHEMA, summary
from flows.revert_change import revert_change
from flows.schema_validation import schema_validation
from tasks.actions import perform_all
from tasks.authorise import authorise
from tasks.connections import settings
from tasks.validate import diagnose_schema
from tests.flows.run_assertions import final, known
from tests.flows.upkeep import over

REPORT = {
    "validation_results": {
        "schema_file_exists": True,
        "summary_file_exists": True,
        "json_syntax_valid": True,
        "has_required_sections": False,
    }
}


@pytest.fixture(autouse=True)
def without_cct(monkeypatch: pytest.MonkeyPatch) -> None:
    """A playbook about the repository needs no CCT."""
    monkeypatch.delenv("CCT_URL")
    settings.cache_clear()


def seed(sandbox: SandboxControl, own: dict[str, Any], **more: Any) -> None:
    """The latest deployment failed its validation; ``own`` is the repository's summary."""
    files = {"test-summary-schema.json": json.dumps(SCHEMA), "test-summary.json": json.dumps(own)}
    artifact = {
        "schema-validation-report.json": json.dumps(REPORT),
        "out/unit-summary.json": json.dumps(own),
    }
    failed = SeededRun(id=8, conclusion="failure", artifacts={"schema-validation-report": artifact})
    sandbox.seed_github(
        GitHubSeed(
            files=files,
            runs=(SeededRun(id=7, minutes_ago=60), failed),
            pulls=(SeededPull(number=3, title="Coverage", comments=("Schema validation fails",)),),
            **more,
        )
    )


def left_behind(sandbox: SandboxControl, **files: str) -> None:
    """The failed run left these artifacts beside its report; the repository's own file is right."""
    artifact = {"schema-validation-report.json": json.dumps(REPORT)}
    artifact |= {f"{name}-summary.json": content for name, content in files.items()}
    failed = SeededRun(id=8, conclusion="failure", artifacts={"schema-validation-report": artifact})
    own = {"test-summary-schema.json": SCHEMA, "test-summary.json": summary()}
    files = {path: json.dumps(document) for path, document in own.items()}
    sandbox.seed_github(GitHubSeed(files=files, runs=(failed,)))


run = partial(final, schema_validation)


def test_observe_mode_says_what_is_wrong_and_changes_nothing(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    seed(sandbox, summary() | {"coverage": 81})

    ended = run(mode=Mode.OBSERVE)

    assert (ended.name, ended.type.value) == ("Recommended", "COMPLETED")
    assert sandbox.github().writes == ()
    (decision,) = known(engine, ended).decisions
    assert decision.severity.value == "P0"
    seen = [fact.observed for fact in decision.evidence]
    assert "#3 Coverage" in seen
    assert any("has_required_sections: False" in each for each in seen)
    assert any(each.startswith("out/unit-summary.json: coverage") for each in seen)


def test_odd_artifacts_are_reported_and_keep_no_run_from_its_end(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Neither what cannot be read nor text that no ledger keeps: the rest is judged as before."""
    left_behind(
        sandbox,
        a='{"test_results": 1e400}',
        b='{"a": "\\ud800"}',
        c='{"a":' * 300 + "1" + "}" * 300,
        d=json.dumps(summary() | {"nul\u0000\n::error::": "\u0000", "x" * 5000: 1}),
        e=json.dumps(summary(total_tests=10**300, success_rate=10**300)),
    )

    ended = run(mode=Mode.OBSERVE)

    assert ended.name == "Recommended"
    (decision,) = known(engine, ended).decisions
    seen = [fact.observed for fact in decision.evidence]
    assert any(
        "a-summary.json: test_results: is a number that is too large" in each for each in seen
    )
    assert any("b-summary.json: a: holds half of a character" in each for each in seen)
    assert any("c-summary.json: not usable: it is nested too deeply" in each for each in seen)


def test_auto_mode_proposes_a_schema_that_knows_the_new_field(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    seed(sandbox, summary() | {"coverage": 81})

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Resolved", "COMPLETED")
    state = sandbox.github()
    pull = next(each for each in state.pulls if each.number == 4)
    assert pull.title == "fix: Update test summary schema for new fields"
    proposed = json.loads(state.branches[pull.head]["test-summary-schema.json"])
    assert proposed["properties"]["coverage"] == {"type": "integer"}
    assert json.loads(state.branches["main"]["test-summary-schema.json"]) == SCHEMA
    assert [act.state for act in known(engine, ended).actions] == ["confirmed"]


def test_auto_mode_proposes_a_compliant_summary(sandbox: SandboxControl) -> None:
    seed(sandbox, summary(success_rate=3) | {"conclusion": "PASS"})

    ended = run(mode=Mode.AUTO, fix=Fix.SUMMARY)

    assert ended.name == "Resolved"
    state = sandbox.github()
    proposed = json.loads(state.branches[state.pulls[-1].head]["test-summary.json"])
    assert proposed == summary() | {"conclusion": "success"}


def test_an_option_that_cannot_help_ends_red(sandbox: SandboxControl) -> None:
    seed(sandbox, summary() | {"conclusion": "PASS"})

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Blocked", "FAILED")
    assert "The schema knows every field" in (ended.message or "")


@flow
def bypassing() -> None:
    """Bypass as the playbook does after a person's yes."""
    found = diagnose_schema("deploy.yml", None, Fix.BYPASS, 60)
    plan = found.plan and found.plan.model_copy(update={"needs_person": None})
    allowed = found.model_copy(update={"plan": plan})
    with authorise(allowed, Mode.AUTO, again=lambda: allowed) as decision:
        assert decision.permit is not None, decision.reason
        perform_all(decision.permit)


@pytest.mark.usefixtures("upkeep")
@pytest.mark.parametrize("before", [{}, {"SCHEMA_VALIDATION_MODE": "strict"}])
def test_a_bypass_ends_by_itself_and_puts_back_what_was_before(
    sandbox: SandboxControl, engine: sa.Engine, before: dict[str, str]
) -> None:
    seed(sandbox, summary() | {"coverage": 81}, variables=before)

    bypassing()
    (change,) = changes.listed(engine)
    assert sandbox.github().variables == {"SCHEMA_VALIDATION_MODE": "warn"}

    over(engine, change)
    ended = final(revert_change, change.id)

    assert ended.name == "Resolved"
    assert sandbox.github().variables == before


def test_valid_summaries_need_nothing(sandbox: SandboxControl) -> None:
    seed(sandbox, summary())

    assert run(mode=Mode.AUTO).name == "Nothing to do"


def test_without_a_repository_the_setting_is_named(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    settings.cache_clear()

    ended = run(mode=Mode.OBSERVE)

    assert ended.is_failed()
    assert "GITHUB_REPOSITORY is not set" in (ended.message or "")


def test_a_token_that_github_refuses_is_named(sandbox: SandboxControl) -> None:
    seed(sandbox, summary())
    sandbox.faults(Fault(path="/github/", error_status=401))

    ended = run(mode=Mode.OBSERVE)

    assert ended.is_failed()
    assert "check GH_TOKEN" in (ended.message or "")
