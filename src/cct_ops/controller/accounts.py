"""The accounts of runs that could not write their own, and the notices of these."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config import policy
from cct_ops.controller import metrics, notices
from cct_ops.errors import BadConfiguration
from cct_ops.gate import autonomy
from cct_ops.ledger.record import account
from cct_ops.models.autonomy import Demotion
from cct_ops.models.run import Outcome, Run
from cct_ops.models.topic import Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual
from cct_ops.reports.links import run_link
from cct_ops.reports.messages import demotion_message, outcome_message

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Accounts:
    """Writes them; a notice that failed is sent again: with an account nobody comes back."""

    engine: sa.Engine
    notifier: Notifier
    policy_path: Path

    def failed(self, run: Run, target: str, reason: str, commands: Sequence[str] = ()) -> None:
        """Write that the run failed; notify people where they have to act, by these commands."""
        _log.warning("Run %s: %s", run.name, reason)
        topic = Topic.of(run, target, Outcome.FAILED, needs_person=True)
        with self.engine.begin() as tx:
            said = bool(commands)
            ended_at = account.record_outcome(tx, run, target, Outcome.FAILED, reason, said=said)
            if commands:
                metrics.CRASHED_RUNS.labels("left to people").inc()
                notices.send_urgent(
                    self.notifier,
                    f":rotating_light: {run.playbook} on {target or 'its target'}: {reason}",
                    topic,
                    commands,
                )
            demotion = self._demotion_by(tx, run, ended_at)
            if demotion is not None:
                self.notifier.send(demotion_message(run, demotion, run_link(run.id)), topic)

    def cancelled(self, run: Run, target: str, *, putting_back: bool) -> None:
        """Write that a person cancelled the run, and notify people: nothing replaces it."""
        reason = "It was cancelled in Prefect before it had changed anything."
        if putting_back:
            reason = "It was cancelled in Prefect while it put something back."
        _log.warning("Run %s: %s", run.name, reason)
        topic = Topic.of(run, target, Outcome.CANCELLED)
        message = outcome_message(run, target, Outcome.CANCELLED, reason, run_link(run.id))
        with self.engine.begin() as tx:
            account.record_outcome(tx, run, target, Outcome.CANCELLED, reason, said=True)
            self.notifier.send(message, topic)

    def of_deleted(self, run_id: UUID) -> None:
        """Write the account of a dead run that somebody deleted in Prefect, from the ledger."""
        known = account.of_run(self.engine, run_id)
        if not known.decisions:
            return  # it had begun nothing that anybody has to hear of
        plan = known.decisions[0].plan
        run = notices.changed_by(self.engine, run_id, plan.playbook)
        reason = (
            "Its process died before it had changed anything, and its run was deleted in Prefect:"
            " nothing replaces it."
        )
        self.failed(run, plan.target, reason, (manual.about(run_id, run.incident_id),))

    def _demotion_by(self, tx: sa.Connection, run: Run, ended_at: datetime) -> Demotion | None:
        """Return the fall of a playbook to which this end of its run leads, if any."""
        known = account.of_run(self.engine, run.id).model_copy(update={"ended_at": ended_at})
        try:
            return autonomy.demotion_by(tx, policy.read(self.policy_path), known)
        except BadConfiguration as error:  # the account does not wait until a person mends it
            _log.warning("Whether %s may do less now is not known: %s", run.playbook, error)
            return None
