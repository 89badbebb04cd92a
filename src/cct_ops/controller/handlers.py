"""Handles one claimed row: starts a run, or notifies people."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from cct_ops import tracing
from cct_ops.controller import metrics, notices
from cct_ops.controller.parameters import Unfit
from cct_ops.controller.routes import Routes, Rule
from cct_ops.controller.runs import Runs
from cct_ops.controller.wanted_runs import WantedRun, group_of, is_watchdog, wanted_run
from cct_ops.errors import OpsError, Rejected, Unavailable
from cct_ops.ledger.intake import grouping, outbox, traces
from cct_ops.ledger.intake.outbox import Claim
from cct_ops.ledger.people import silences
from cct_ops.models.run import RULE, Severity, incident_tag
from cct_ops.people.notifier import Notifier

BACKOFF_SECONDS = 1.0
BACKOFF_CAP_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remediation:
    """
    Routes an incident and starts its playbook.

    ``watchdogs`` are, by source, the alerts that fire to show that somebody is there.
    """

    engine: sa.Engine
    routes: Routes
    runs: Runs
    watchdogs: Mapping[str, str] = field(default_factory=dict)
    look_ahead: Callable[[str, datetime], None] = lambda playbook, since: None  # noqa: ARG005

    def __call__(self, claim: Claim) -> None:
        """Carry one row as far as it goes now; what can come right later is postponed."""
        if is_watchdog(self.watchdogs, claim.source, claim.labels):
            outbox.mark_notified(self.engine, claim, "A watchdog: only its silence is an incident.")
            return
        rule = self.routes.rule_for(claim.source, claim.labels)
        burst = grouping.begin_or_end(self.engine, self.routes.grouping)
        if burst is None:
            self._start(claim, rule)
            return
        self._stand_for_others(claim, rule, burst)
        grouping.group(
            self.engine, burst, self.group, self.routes.grouping, routes=self.routes.version
        )

    def group(self, source: str, labels: Mapping[str, str]) -> str:
        """Name the incidents that one run can speak for."""
        return group_of(self.routes, source, labels)

    def _stand_for_others(self, claim: Claim, rule: Rule, burst: UUID) -> None:
        """Diagnose the incident if it leads its group; else leave it to the one that does."""
        limits, name = self.routes.grouping, self.group(claim.source, claim.labels)
        leader, may_run = grouping.choose_leader(
            self.engine, burst, name, claim.incident_id, limits
        )
        if leader != claim.incident_id:
            outbox.mark_grouped(
                self.engine,
                claim,
                rule=rule.name,
                reason=grouping.note(leader),
                routes=self.routes.version,
            )
            return
        said = f"A burst: more than {limits.incidents} incidents in {limits.within_seconds:g} s."
        if not may_run:
            reason = f"{said} There are runs enough; nothing is done about this and later groups."
            self._hand_to_people(claim, rule, outbox.DEAD_LETTERED, reason)
            return
        log.warning("incident %s: %s It stands for %s", claim.incident_id, said, rule.name)
        if rule.playbook is not None:
            words = f"{said} {rule.playbook} only diagnoses, once for all incidents like this one."
            grouping.enqueue_notice(self.engine, claim.incident_id, words)
        self._start(claim, rule, in_burst=True)

    def _start(self, claim: Claim, rule: Rule, *, in_burst: bool = False) -> None:
        wanted = wanted_run(rule, claim.labels, in_burst=in_burst)
        if wanted is None:
            self._hand_to_people(claim, rule, "notified", notices.NO_PLAYBOOK)
            return
        told = {"cct_ops.playbook": wanted.playbook, "cct_ops.incident": str(claim.incident_id)}
        parent = traces.of_incident(self.engine, claim.incident_id) if tracing.enabled() else None
        with tracing.span(f"dispatch {wanted.playbook}", told, kind="PRODUCER", parent=parent):
            self.look_ahead(wanted.playbook, claim.created_at)
            self._create(claim, rule, wanted, tags=["burst"] if in_burst else [])

    def _create(self, claim: Claim, rule: Rule, wanted: WantedRun, *, tags: list[str]) -> None:
        try:
            run = self.runs.create(
                wanted.playbook,
                {**wanted.parameters(), "mode": wanted.mode.value},
                key=run_key(claim, rule),
                tags=[
                    incident_tag(claim.incident_id),
                    f"{RULE}{rule.name}",
                    f"source:{claim.source}",
                    *tags,
                ],
                traceparent=tracing.traceparent(),
            )
        except Unavailable as error:
            log.warning("incident %s waits: %s", claim.incident_id, error)
            metrics.DISPATCHES.labels(claim.purpose, "later").inc()
            outbox.postpone(self.engine, claim, backoff_seconds(claim, error), str(error))
        except (Unfit, Rejected) as error:
            reason = f"{wanted.playbook} was not started: {error}"
            log.error("incident %s: %s", claim.incident_id, reason)  # noqa: TRY400 -- an answer
            self._hand_to_people(claim, rule, outbox.DEAD_LETTERED, reason)
        else:
            log.info("incident %s: %s is run %s", claim.incident_id, wanted.playbook, run.id)
            metrics.RUNS_CREATED.labels(wanted.playbook).inc()
            metrics.DISPATCHES.labels(claim.purpose, "done").inc()
            outbox.mark_sent(
                self.engine,
                claim,
                rule=rule.name,
                playbook=wanted.playbook,
                flow_run_id=run.id,
                notification=run.model_dump_json(),
                routes=self.routes.version,
            )

    def _hand_to_people(self, claim: Claim, rule: Rule, state: str, reason: str) -> None:
        dead = state == outbox.DEAD_LETTERED
        metrics.DISPATCHES.labels(claim.purpose, "dead-lettered" if dead else "done").inc()
        outbox.hand_to_people(
            self.engine,
            claim,
            state=state,
            rule=rule.name,
            reason=reason,
            routes=self.routes.version,
        )


@dataclass(frozen=True)
class Notification:
    """Delivers the notice about an incident; ``severity_of`` reads its labels."""

    engine: sa.Engine
    notifier: Notifier
    routes: Routes
    severity_of: Callable[[Mapping[str, str]], Severity | None]

    def __call__(self, claim: Claim) -> None:
        """Notify people, or try again later."""
        try:
            rule = self.routes.rule_for(claim.source, claim.labels)
            muted = silences.about(self.engine, claim.labels)
            severity = self.severity_of(claim.labels)
            send = partial(notices.send, self.notifier, claim, rule, severity)
            undelivered = muted.words if muted else send()
        except Unavailable as error:
            log.warning("the notice about incident %s waits: %s", claim.incident_id, error)
            metrics.DISPATCHES.labels(claim.purpose, "later").inc()
            outbox.postpone(self.engine, claim, backoff_seconds(claim, error), str(error))
        except OpsError as error:
            log.error("the notice about incident %s: %s", claim.incident_id, error)  # noqa: TRY400 -- an answer
            metrics.DISPATCHES.labels(claim.purpose, "dead-lettered").inc()
            outbox.mark_dead_lettered(self.engine, claim, str(error))
        else:
            metrics.DISPATCHES.labels(claim.purpose, "done").inc()
            outbox.mark_notified(self.engine, claim, undelivered=undelivered)


def run_key(claim: Claim, rule: Rule) -> str:
    """Name the one run that this episode gets from this playbook."""
    parts = (str(claim.incident_id), str(claim.episode), str(rule.playbook), claim.purpose)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def backoff_seconds(claim: Claim, error: Unavailable) -> float:
    """Wait longer with each attempt, up to a cap, and never all rows at the same moment."""
    longest = min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2.0 ** min(claim.attempts - 1, 10))
    jittered = longest * random.uniform(0.5, 1)  # noqa: S311 -- spreads load, guards nothing
    return max(jittered, error.retry_after_seconds or 0)
