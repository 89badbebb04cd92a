"""The end of a run made known: its artifact, its message and its row, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate

from cct_ops.gate import autonomy
from cct_ops.ledger.gate import approvals, changes, leases, takeovers
from cct_ops.ledger.record import account as record
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.run import RECOVER, Outcome, Run, Severity
from cct_ops.models.topic import Topic
from cct_ops.reports import manual
from cct_ops.reports.links import run_link
from cct_ops.reports.render import artifact_key, incident_report
from tasks.attempts import scheduled
from tasks.authorise import gate_of
from tasks.connections import ledger, settings
from tasks.notify import notify_demotion, notify_outcome
from tasks.showing import showing


def make_known(
    run: Run,
    target: str,
    outcome: Outcome,
    reason: str,
    parameters: Mapping[str, Any],
    diagnosis: Diagnosis | None = None,
    *,
    silence: bool = False,
) -> None:
    """
    Show and report how the run ended, then write it down: with an account nobody comes back.

    ``silence`` says that it ended because another system gave no answer, as it does to all runs.
    """
    # Nobody may take the run for dead meanwhile, and one that was has no say any more.
    with leases.alive(ledger(), run.id, settings().lease_seconds):
        approvals.void(ledger(), run.id, "The run ended without needing it.")
        known = record.of_run(ledger(), run.id).ending(outcome, reason)
        dashboard = settings().grafana_url
        shown = ArtifactCreate(
            type="markdown",
            key=artifact_key(run.playbook, target),
            description=f"{outcome}: {reason}"[:400],
            flow_run_id=run.id,  # a hook is no longer inside of the run, or not yet
            data=incident_report(
                run,
                target,
                known,
                diagnosis,
                run_url=run_link(run.id),
                dashboard_url=str(dashboard) if dashboard else None,
                asked=approvals.of_run(ledger(), run.id),
            ),
        )
        with showing("The report"), get_client(sync_client=True) as client:
            client.create_artifact(shown)
        source = diagnosis or (known.decisions[-1] if known.decisions else None)
        topic = Topic.of(
            _beside(run, parameters),
            target,
            outcome,
            source.severity if source else None,
            needs_person=outcome.needs_attention,
        )
        commands = manual.after(outcome, run, target, known, parameters)
        changed, said = bool(known.actions), True
        if changed or not _reported_already(run, outcome, reason, topic.severity):
            said = notify_outcome(
                run,
                target,
                reason,
                topic,
                commands,
                changed=changed,
                silence=silence,
                attended=takeovers.of_run(ledger(), run.id) is not None,
            )
        record.record_outcome(ledger(), run, target, outcome, reason, said=said)
        notify_if_demoted(run, topic)


def _reported_already(run: Run, outcome: Outcome, reason: str, severity: Severity | None) -> bool:
    """Say whether a schedule only finds again what it reported and could not help last time."""
    return (
        scheduled()
        and outcome in {Outcome.BLOCKED, Outcome.UNVERIFIED}
        and severity in {None, Severity.P2}
        and record.last_reason(ledger(), run.playbook) == reason
    )


def notify_if_demoted(run: Run, topic: Topic) -> None:
    """Notify people when this run is why its playbook may do less from now on."""
    known = record.of_run(ledger(), run.id)
    with ledger().connect() as connection:
        demotion = autonomy.demotion_by(connection, gate_of(run).policy, known)
    if demotion is not None:
        notify_demotion(run, demotion, topic)


def _id(given: object) -> UUID | None:
    """Return what was given as an id; None for a text that is none, of which the run ended."""
    try:
        return UUID(str(given))
    except ValueError:
        return None


def _beside(run: Run, parameters: Mapping[str, Any]) -> Run:
    """Return the run as one of the thread it is reported in: upkeep where what it mends began."""
    change_id, run_id = _id(parameters.get("change_id")), _id(parameters.get("run_id"))
    if change_id is not None:
        began = changes.maker(ledger(), change_id)
    else:
        began = run_id if run.playbook == RECOVER else None
    if began is None:
        return run
    incident_id = record.incident_of(ledger(), began)
    return run.model_copy(update={"id": began, "incident_id": incident_id})
