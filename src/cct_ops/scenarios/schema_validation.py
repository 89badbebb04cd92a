"""Test summaries fail their schema."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import Drill, End, Scenario, Spoilt, Step

ALONE = "It is about the repository alone; the first row shows it."
WITHDRAW = ("PATCH pulls/1", "DELETE git/refs")
SET, DELETE = ("POST actions/variables",), ("DELETE actions/variables",)


def _propose(file: str) -> Step:
    writes = ("POST git/refs", f"PUT contents/{file}", "POST pulls")
    return Step("propose_change", writes, "withdraw_change", WITHDRAW)


def _closed(step: Step) -> End:
    """The end where only the branch is withdrawn: the pull request is closed already."""
    return End("Undone", "did not take effect", (*step.writes, "DELETE git/refs"))


SCHEMA, SUMMARY = _propose("test-summary-schema.json"), _propose("test-summary.json")

SCENARIOS = (
    Scenario(
        "schema-validation",
        seeds.new_field,
        truths.repository,
        End("Resolved", "validation passes once it is merged", stands=True),
        (SCHEMA,),
        parameters={"fix": "propose-schema"},
        spoilt=Spoilt(_closed(SCHEMA), seeds.pulls_are_closed),
        handlers_only=End(
            "Resolved", "validation passes once it is merged", SCHEMA.writes, stands=True
        ),
        drill=Drill(lambda left: [each.state for each in left.sandbox.github().pulls] == ["open"]),
    ),
    Scenario(
        "schema-validation",
        seeds.wrong_summary,
        truths.repository,
        End("Resolved", "validation passes", stands=True),
        (SUMMARY,),
        parameters={"fix": "propose-summary"},
        spoilt=Spoilt(_closed(SUMMARY), seeds.summary_pulls_are_closed),
        handlers_only=ALONE,
    ),
    Scenario(
        "schema-validation",
        seeds.new_field,
        truths.repository,
        End("Resolved", "warn", stands=True),
        (Step("set_variable", SET, "delete_variable", DELETE, lasts=True),),
        parameters={"fix": "bypass", "minutes": 30},
        asks=True,
        spoilt=Spoilt(
            End("Undone", "set_variable", (*SET, "PATCH actions/variables", *DELETE)),
            manual_change=seeds.validation_is_strict,
        ),
        handlers_only=ALONE,
    ),
)

BREAKAGES = (
    Breakage(
        "schema-failing",
        "Test summaries fail their schema",
        "A deployment fails because its summary has a field that the schema does not know. The"
        " playbook finds the field and proposes a pull request to the sandbox's GitHub, once you"
        " have approved it.",
        "schema-validation",
        lambda sandbox, _target: seeds.new_field(sandbox),
        {"alertname": "SchemaValidationFailing", "severity": "error"},
        ("deploy.yml",),
        label="workflow",
        asks=1,
    ),
)
