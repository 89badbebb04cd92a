"""Recent deployments, their changes, and a new deployment (the runbook's option A)."""

from __future__ import annotations

from cct_ops.actions.repository import DispatchWorkflow
from cct_ops.diagnoses.rollback import RollbackDiagnosis
from cct_ops.models.base import Frozen
from cct_ops.models.github import Comparison, WorkflowRun
from cct_ops.models.plan import Plan, WorkflowSucceeds
from cct_ops.models.run import Evidence

WORKFLOW = "deploy.yml"
# A deployment that takes longer than this is for people to look at.
DEPLOY_SECONDS = 1800
SHOWN_COMMITS = 10
SHOWN_FILES = 20
SHOWN_LOG = 500


class Deployment(Frozen):
    """
    The latest deployment and the last good one before it; runs are newest first.

    ``problem`` says why nothing could be read: a canary is repaired without GitHub, too.
    """

    runs: tuple[WorkflowRun, ...] = ()
    branch: str = ""
    log: tuple[str, ...] = ()
    between: Comparison | None = None
    problem: str | None = None

    @property
    def current(self) -> WorkflowRun | None:
        """The latest run."""
        return self.runs[0] if self.runs else None

    @property
    def last_good(self) -> WorkflowRun | None:
        """The newest run before the latest that succeeded with another commit."""
        return next(
            (
                run
                for run in self.runs[1:]
                if run.succeeded and self.current and run.head_sha != self.current.head_sha
            ),
            None,
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The facts as reports show them."""
        if self.problem is not None:
            return (
                Evidence.of(
                    "deployments",
                    self.problem,
                    "Nothing is known about deployments and code changes.",
                ),
            )
        return (self._runs_evidence(), *self._log_evidence(), *self._change_evidence())

    def _runs_evidence(self) -> Evidence:
        run = self.current
        if run is None:
            return Evidence.of(WORKFLOW, "no run", "Nothing was deployed.")
        how = run.conclusion or run.status
        meaning = "No earlier run succeeded with another commit."
        if self.last_good is not None:
            meaning = (
                f"The last good one before it: {self.last_good.head_sha[:10]} at"
                f" {self.last_good.created_at:%Y-%m-%d %H:%M:%S} UTC."
            )
        return Evidence.of(
            WORKFLOW,
            f"{run.head_sha[:10]} at {run.created_at:%Y-%m-%d %H:%M:%S} UTC: {how}",
            meaning,
        )

    def _log_evidence(self) -> tuple[Evidence, ...]:
        if not self.log:
            return ()
        end = " / ".join(self.log)[-SHOWN_LOG:]
        return (Evidence.of("deployment log", end, "Its last lines."),)

    def _change_evidence(self) -> tuple[Evidence, ...]:
        if self.between is None:
            return ()
        commits = "; ".join(
            f"{each.sha[:10]} {each.subject} ({each.author})"
            for each in self.between.commits[-SHOWN_COMMITS:]
        )
        files = self.between.files
        more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        return (
            Evidence.of(
                "commits since the last good one",
                commits or "none",
                f"{self.between.total_commits} commits were deployed with it.",
            ),
            Evidence.of(
                "files changed since then",
                ", ".join(files[:SHOWN_FILES]) + more or "none",
                "Where the cause may be.",
            ),
        )


def with_deployment(
    diagnosis: RollbackDiagnosis, deployment: Deployment, *, redeploy: bool
) -> RollbackDiagnosis:
    """
    Add what is known of the deployments and, where that is wanted, plan to deploy anew.

    Where nothing is to be done about the canary, nothing is deployed either.
    """
    known = diagnosis.model_copy(update={"evidence": (*diagnosis.evidence, *deployment.evidence)})
    if not redeploy or known.plan is None:
        return known
    return known.model_copy(update={"plan": _plan(known, deployment)})


def _plan(diagnosis: RollbackDiagnosis, deployment: Deployment) -> Plan:
    after = deployment.current.id if deployment.current else 0
    deploy = DispatchWorkflow(workflow=WORKFLOW, ref=deployment.branch, after_run_id=after)
    return Plan(
        playbook=RollbackDiagnosis.playbook,
        target=diagnosis.target,
        summary=(
            f"Start {WORKFLOW} on {deployment.branch} and wait for it. The canary of"
            f" {diagnosis.target} stays as it is: start this playbook again to put it back."
        ),
        blast_radius=f"Whatever {WORKFLOW} deploys: the canary and stable of every route.",
        steps=(deploy.step(None),),
        steady_state=WorkflowSucceeds(
            workflow=WORKFLOW, after_run_id=after, watch_seconds=DEPLOY_SECONDS
        ),
        state={"cause": diagnosis.cause.value},
        needs_person="A deployment cannot be taken back.",
    )
