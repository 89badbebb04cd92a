"""Probes of the schema validation: what the workflow says, and validating it all again here."""

from __future__ import annotations

from fnmatch import fnmatch

from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from cct_ops.clients.text import one_line
from cct_ops.diagnoses.schema_findings import MODE_VARIABLE, Fix, SchemaFindings, Validation
from cct_ops.diagnoses.schema_validation import SchemaDiagnosis
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.github import Mention, RepositoryFile, WorkflowRun
from cct_ops.summaries import documents, proposal, repair, rules, schema
from tasks.connections import github_reader
from tasks.diagnose import probe

RECENT_RUNS = 10
ARTIFACT = "schema-validation-report"
WORDS = "schema validation"
LONGEST_NAME = 80
SCHEMA_FILE = "test-summary-schema.json"
SUMMARY_FILE = "test-summary.json"


class Report(Frozen):
    """A run's schema-validation-report: its four checks, and the summaries that came with it."""

    results: dict[str, bool] | None = None
    summaries: dict[str, bytes] = Field(default_factory=dict)


@probe
def probe_workflow_runs(workflow: str) -> tuple[WorkflowRun, ...]:
    """Read the workflow's latest runs."""
    with github_reader() as github:
        return github.workflow_runs(workflow, RECENT_RUNS)


@probe
def probe_mentions() -> tuple[Mention, ...]:
    """Read which open pull requests have comments that mention schema validation."""
    with github_reader() as github:
        return github.mentions(WORDS)


@probe
def probe_file(path: str) -> RepositoryFile | None:
    """Read a file at the default branch."""
    with github_reader() as github:
        return github.file(path)


@probe
def probe_validation_mode() -> str | None:
    """Read whether the validation is bypassed."""
    with github_reader() as github:
        return github.variable(MODE_VARIABLE)


@probe
def probe_report(run_id: int) -> Report:
    """Read the report that a run left behind; an empty one if it left none."""
    with github_reader() as github:
        files = github.artifact(run_id, ARTIFACT)
    if files is None:
        return Report()
    results: dict[str, bool] | None = None
    summaries = {}
    for path, content in files.items():
        name = path.rpartition("/")[2]
        if name == f"{ARTIFACT}.json":
            results = _results(content)
        elif fnmatch(name, "*summary*.json") and "schema" not in name:
            summaries[path] = content
    return Report(results=results, summaries=summaries)


@task(cache_policy=NO_CACHE, persist_result=False)
def validate_summaries(
    schema_file: RepositoryFile | None,
    summary_file: RepositoryFile | None,
    reported: dict[str, bytes],
) -> Validation:
    """Validate all summaries against the repository's schema and the business rules."""
    if schema_file is None:
        return Validation(schema_problem="The repository has no such schema file.")
    contents = dict(reported)
    if summary_file is not None:
        contents[summary_file.path] = summary_file.content
    summaries, unreadable = {}, []
    for name, content in contents.items():
        try:
            summaries[name] = documents.parse(content, name)
        except BadConfiguration as error:  # it is reported beside what is wrong with the others
            unreadable.append(str(error))
    try:
        known = documents.parse(schema_file.content, schema_file.path)
        checker = schema.validator(known, schema_file.path)
        found = [
            problem
            for name, each in summaries.items()
            for problem in schema.problems(checker, each, name)
        ]
        schema_fix = proposal.propose(known, summaries)
        own = summaries.get(summary_file.path) if summary_file else None
        summary_fix = (
            repair.repair(checker, own, summary_file.path)
            if own is not None and summary_file
            else None
        )
    except BadConfiguration as error:
        return Validation(
            checked=tuple(contents), unreadable=tuple(unreadable), schema_problem=str(error)
        )
    return Validation(
        checked=tuple(contents),
        problems=(*found, *rules.check(summaries)),
        unreadable=tuple(unreadable),
        schema_fix=schema_fix,
        summary_fix=summary_fix,
    )


def diagnose_schema(target: str, run_id: int | None, fix: Fix, minutes: int) -> SchemaDiagnosis:
    """
    Look at everything that shows why the validation in workflow ``target`` fails, and conclude.

    Without ``run_id`` the latest failed run is looked into.
    """
    seen_runs = probe_workflow_runs.submit(target)
    mentions = probe_mentions.submit()
    schema_file, summary_file = probe_file.submit(SCHEMA_FILE), probe_file.submit(SUMMARY_FILE)
    mode = probe_validation_mode.submit()

    for each in (seen_runs, mentions, schema_file, summary_file, mode):
        each.wait()  # none is left behind when one fails

    runs = seen_runs.result()
    run = next((r for r in runs if (r.failed if run_id is None else r.id == run_id)), None)
    if run_id is not None and run is None:
        raise BadConfiguration(f"Run {run_id} is not among the last {RECENT_RUNS} of {target}.")
    report = probe_report(run.id) if run else Report()
    validation = validate_summaries(schema_file.result(), summary_file.result(), report.summaries)
    return SchemaDiagnosis.of(
        target,
        SchemaFindings(
            runs=runs,
            run=run,
            report=report.results,
            mentions=mentions.result(),
            validation=validation,
            schema_file=schema_file.result(),
            summary_file=summary_file.result(),
            mode=mode.result(),
        ),
        fix,
        minutes,
    )


def _results(content: bytes) -> dict[str, bool] | None:
    """Return the report's checks; None where it has another form than we know."""
    try:
        results = documents.parse(content, ARTIFACT).get("validation_results")
    except BadConfiguration:
        return None
    if not isinstance(results, dict):
        return None
    return {
        one_line(name, LONGEST_NAME): passed
        for name, passed in results.items()
        if isinstance(passed, bool)
    }
