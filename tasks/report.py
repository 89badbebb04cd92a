"""How a run ends: in the ledger, in an artifact, in a message, and in the name of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect import Flow, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from cct_ops.ledger import approvals, changes, history, leases, record
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.outcome import Outcome, Resolution
from cct_ops.models.run import Run, incident_of
from cct_ops.models.topic import Topic
from cct_ops.models.verification import Verdict
from cct_ops.reports import manual
from cct_ops.reports.links import run_link
from cct_ops.reports.render import artifact_key, incident_report
from tasks.attempts import REFUSED
from tasks.authorise import Decision
from tasks.connections import current_run, ledger, settings
from tasks.guards import drop_by, standing_of
from tasks.notify import tell_drop, tell_outcome, tell_raise_proposed

# How Prefect's engine begins the message of a run that an exception ended.
ENGINE_PREFIX = "Flow run encountered an exception: "


def report(ended: Outcome | Decision, diagnosis: Diagnosis) -> State[Resolution]:
    """
    End a run: write the record, the artifact and the message; return the run's final state.

    What was permitted counts as resolved only if a verification in the ledger says so.
    """
    run = current_run()
    outcome, reason = _conclusion(ended, diagnosis, run)
    _publish(run, diagnosis.target, outcome, reason, runtime.flow_run.parameters, diagnosis)
    if outcome is Outcome.RESOLVED:
        _propose_raise(run, diagnosis.target)

    resolution = Resolution(
        playbook=diagnosis.playbook,
        target=diagnosis.target,
        outcome=outcome,
        reason=reason,
        evidence=diagnosis.evidence,
    )
    state = Failed if outcome.needs_attention else Completed
    return state(name=outcome.value, message=reason, data=resolution)


def report_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """
    Report a run that an error, a crash or a cancellation ended; every playbook has this hook.

    The state's message is all that is left of the error; the rest is in the ledger. An attempt that
    was refused is none: what the ledger has, if anything, is another attempt's.
    """
    if state.name == REFUSED:
        return
    run = Run(
        id=flow_run.id,
        name=flow_run.name,
        playbook=flow.name,
        incident_id=incident_of(flow_run.tags),
    )
    known = record.of_run(ledger(), run.id)
    if known.outcome is not None or leases.reaped(ledger(), run.id):
        return  # it reported itself, and ended in a state that needs attention
    verdicts = {decision.verdict for decision in known.decisions}
    undone, failed = Outcome.UNDONE in verdicts, record.UNDO_FAILED in verdicts
    if any(act.kind == "change" for act in known.actions) and not (undone or failed):
        return  # cut off in the middle: the reaper finds it without an account, and recovers it
    cause = (state.message or state.name or "").removeprefix(ENGINE_PREFIX)
    if failed:
        cause = known.decisions[-1].reason
    planned = known.decisions[-1].plan.target if known.decisions else flow.name
    target = flow_run.parameters.get("target") or planned
    outcome = Outcome.UNDONE if undone and not failed else Outcome.FAILED
    _publish(run, str(target), outcome, cause, flow_run.parameters)


def _propose_raise(run: Run, target: str) -> None:
    """Tell people when a verified fix was the one that completes a good record."""
    earned = standing_of(run.playbook, target)
    if earned.proposal and earned.is_news:
        tell_raise_proposed(run, target, earned.reason, earned.proposal)


def _conclusion(ended: Outcome | Decision, diagnosis: Diagnosis, run: Run) -> tuple[Outcome, str]:
    if isinstance(ended, Outcome):
        return ended, diagnosis.headline
    if ended.permit is None:
        return ended.outcome or Outcome.BLOCKED, ended.reason
    verified = record.of_run(ledger(), run.id).verifications
    if not verified:
        return Outcome.UNVERIFIED, "The change was made and nothing verified it."
    last = verified[-1]
    holds = last.verdict is Verdict.HOLDS
    return Outcome.RESOLVED if holds else Outcome.UNVERIFIED, last.reason


def _publish(
    run: Run,
    target: str,
    outcome: Outcome,
    reason: str,
    parameters: Mapping[str, Any],
    diagnosis: Diagnosis | None = None,
) -> None:
    """Show and tell how the run ended, then write it down: with an account nobody comes back."""
    # Nobody may take the run for dead meanwhile, and one that was has no say any more.
    with leases.alive(ledger(), run.id, settings().lease_seconds):
        approvals.void(ledger(), run.id, "The run ended without needing it.")
        known = record.of_run(ledger(), run.id).ending(outcome, reason)
        dashboard = settings().grafana_url
        create_markdown_artifact(
            key=artifact_key(run.playbook, target),
            description=f"{outcome}: {reason}"[:400],
            markdown=incident_report(
                run,
                target,
                known,
                diagnosis,
                run_url=run_link(run.id),
                dashboard_url=str(dashboard) if dashboard else None,
                asked=history.asked(ledger(), run.id),
            ),
        )
        told = diagnosis or (known.decisions[-1] if known.decisions else None)
        topic = Topic.of(
            _beside(run, parameters),
            target,
            outcome,
            told.severity if told else None,
            needs_person=outcome.needs_attention,
        )
        commands = manual.after(outcome, run, target, known, parameters)
        tell_outcome(run, target, outcome, reason, topic, commands)
        record.conclude(ledger(), run, target, outcome, reason)
        tell_if_it_fell(run, topic)


def tell_if_it_fell(run: Run, topic: Topic) -> None:
    """Tell people when this run is why its playbook may do less from now on."""
    drop = drop_by(record.of_run(ledger(), run.id))
    if drop is not None:
        tell_drop(run, drop, topic)


def _beside(run: Run, parameters: Mapping[str, Any]) -> Run:
    """Return the run as one of the thread in which it is told: upkeep where what it mends began."""
    if "change_id" in parameters:
        began = changes.maker(ledger(), UUID(str(parameters["change_id"])))
    else:
        began = UUID(str(parameters["run_id"])) if run.playbook == "recover" else None
    if began is None:
        return run
    incident_id = record.incident_of(ledger(), began)
    return run.model_copy(update={"id": began, "incident_id": incident_id})
