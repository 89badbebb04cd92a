"""The findings about a schema validation that fails, and the options for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cct_ops.models.base import Frozen
from cct_ops.models.github import Mention, RepositoryFile, WorkflowRun
from cct_ops.models.summary import Problem, Proposal

Workflow = Annotated[str, Field(pattern=r"^[\w.-]+\.ya?ml$")]
Minutes = Annotated[int, Field(ge=5, le=1440)]
RunNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]  # as far as JSON counts exactly

MODE_VARIABLE = "SCHEMA_VALIDATION_MODE"
WARN = "warn"


class Fix(StrEnum):
    """The runbook's options: A a schema with the new fields, B a compliant summary, C warn."""

    SCHEMA = "propose-schema"
    SUMMARY = "propose-summary"
    BYPASS = "bypass"


class Validation(Frozen):
    """
    The outcome of validating summaries against the repository's schema.

    ``schema_problem`` says why the schema itself cannot be used, ``unreadable`` which summaries
    cannot. ``schema_fix`` and ``summary_fix`` are what would put things right, as far as known.
    """

    checked: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreadable: tuple[str, ...] = ()
    schema_problem: str | None = None
    schema_fix: Proposal | None = None
    summary_fix: Proposal | None = None

    @property
    def wrong(self) -> bool:
        """True if anything is wrong at all."""
        return bool(self.problems or self.unreadable or self.schema_problem)

    @property
    def all_wrong(self) -> bool:
        """True if no summary passes."""
        failing = {problem.summary for problem in self.problems}
        return self.schema_problem is not None or (self.wrong and failing >= set(self.checked))


class SchemaFindings(Frozen):
    """
    The findings of the probes at about one moment; runs are the latest, newest first.

    ``run`` is the failed run that was looked into, ``report`` what its artifact says.
    """

    runs: tuple[WorkflowRun, ...]
    run: WorkflowRun | None
    report: dict[str, bool] | None
    mentions: tuple[Mention, ...]
    validation: Validation
    schema_file: RepositoryFile | None
    summary_file: RepositoryFile | None
    mode: str | None

    @property
    def blocking(self) -> bool:
        """True if the latest run that is over failed; a cancelled one does not count."""
        over = [run for run in self.runs if run.failed or run.succeeded]
        return bool(over) and over[0].failed
