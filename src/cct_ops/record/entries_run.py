"""How a run began, what it saw and decided, and how it ended, as entries of an account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from cct_ops.ledger.gate.tables import run_leases, run_reads
from cct_ops.ledger.record.tables import decisions, journal_entries, resolutions
from cct_ops.models.account import Actor, ActorKind, Entry, EntryKind
from cct_ops.models.plan import Call
from cct_ops.models.run import Evidence, Starter
from cct_ops.record.entries import CONTROLLER, Row, Topic, because, fields_of, playbook

_UPKEEP = Actor(kind=ActorKind.OURS, name="cct-ops", proof="the deployment's tag")
_SCHEDULE = Actor(kind=ActorKind.SCHEDULE, name="a schedule", proof="Prefect made it from one")
_UNNAMED = Actor(
    kind=ActorKind.PERSON,
    name="somebody in Prefect",
    proof="none: through its UI or its API, which know no names here",
)


class PlannedStep(BaseModel):
    """A step of a stored plan, as far as an account tells it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    call: Call
    undo: Call | None = None


class LeaseRow(Row):
    """A run's sign of life: when it began, who started it, and whether it was taken for dead."""

    table: ClassVar[str] = "run_leases"
    began_at: datetime | None
    started_as: str | None
    started_by: str | None
    reaped_at: datetime | None
    attempt: int
    successor_id: UUID | None
    settled_at: datetime | None

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        return sa.select(run_leases.c.run_id.label("id"), *fields_of(cls, run_leases)).where(
            topic.runs(run_leases.c.run_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell when it began, and what became of a run that died."""
        run_id = UUID(str(self.id))
        facts = {"attempt": self.attempt if self.attempt > 1 else None}
        if self.began_at is not None:
            by = self.starter
            words = f"the run began, started by {by.name}"
            yield self.entry(self.began_at, EntryKind.STARTED, by, words, facts, run_id=run_id)
        if self.reaped_at is not None:
            words = "the run showed no sign of life and was taken for dead"
            after = {"run that goes on with it": self.successor_id, "settled": self.settled_at}
            yield self.entry(
                self.reaped_at, EntryKind.CRASH, CONTROLLER, words, after, run_id=run_id
            )

    @property
    def starter(self) -> Actor:
        """Whoever started the run."""
        match self.started_as:
            case Starter.ALERT:
                rule = f"the rule {self.started_by}"
                return Actor(kind=ActorKind.ALERT, name=rule, proof="the controller started it")
            case Starter.SCHEDULE:
                return _SCHEDULE
            case Starter.PERSON:
                said = "what the run's tag or Prefect's login says"
                return Actor(kind=ActorKind.PERSON, name=self.started_by or "-", proof=said)
            case Starter.UPKEEP:
                return _UPKEEP
            case _:
                return _UNNAMED


class ReadsRow(Row):
    """What a run read of CCT."""

    table: ClassVar[str] = "run_reads"
    run_id: UUID
    began_at: datetime
    reads: int
    own: int

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Count the reads of each run."""
        return (
            sa.select(
                sa.func.min(run_reads.c.id).label("id"),
                run_reads.c.run_id,
                sa.func.min(run_reads.c.began_at).label("began_at"),
                sa.func.count().label("reads"),
                sa.func.count().filter(run_reads.c.own).label("own"),
            )
            .where(topic.runs(run_reads.c.run_id))
            .group_by(run_reads.c.run_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell when it looked first, and how often."""
        facts = {"reads in all": self.reads, "of these its own": self.own}
        words = "first look at CCT"
        yield self.entry(
            self.began_at, EntryKind.LOOK, playbook(None), words, facts, run_id=self.run_id
        )


class DecisionRow(Row):
    """A decision of the gate about a plan."""

    table: ClassVar[str] = "decisions"
    run_id: UUID
    playbook: str
    target: str
    mode: str
    verdict: str
    guard: str | None
    reason: str
    headline: str
    severity: str
    evidence: tuple[Evidence, ...]
    summary: str | None
    steps: tuple[PlannedStep, ...]
    plan_digest: str
    policy_digest: str | None
    policy_commit: str | None
    decided_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        plan = decisions.c.plan
        return sa.select(
            *fields_of(cls, decisions),
            plan["summary"].astext.label("summary"),
            plan["steps"].label("steps"),
        ).where(topic.runs(decisions.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell what was decided, and on what."""
        guard = f" by the guard {self.guard}" if self.guard else ""
        words = f"{self.verdict}{guard}, in mode {self.mode}: {self.reason}"
        undo = [str(step.undo) for step in reversed(self.steps) if step.undo is not None]
        facts = {
            "concluded": self.headline,
            "severity": self.severity,
            "plan": self.summary,
            "steps": "; ".join(str(step.call) for step in self.steps),
            "undo": "; ".join(undo),
            "plan SHA-256": self.plan_digest,
            "policy SHA-256": self.policy_digest,
            "policy commit": self.policy_commit,
        }
        yield self.entry(
            self.decided_at,
            EntryKind.DECISION,
            playbook(self.playbook),
            words,
            facts,
            run_id=self.run_id,
            evidence=self.evidence,
        )


class JournalRow(Row):
    """A line of an experiment's journal."""

    table: ClassVar[str] = "journal_entries"
    run_id: UUID
    at: datetime
    phase: str
    note: str

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        note = journal_entries.c.entry["note"].astext.label("note")
        return sa.select(*fields_of(cls, journal_entries), note).where(
            topic.runs(journal_entries.c.run_id)
        )

    def entries(self) -> Iterator[Entry]:
        """Tell it."""
        words = f"experiment, {self.phase}: {self.note}"
        by = playbook(None)
        yield self.entry(self.at, EntryKind.EXPERIMENT, by, words, run_id=self.run_id)


class ResolutionRow(Row):
    """How a run ended."""

    table: ClassVar[str] = "resolutions"
    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    outcome: str
    reason: str
    finished_at: datetime

    @classmethod
    def asked(cls, topic: Topic) -> sa.Select[tuple[object, ...]]:
        """Select those of the runs."""
        key = sa.cast(resolutions.c.run_id, sa.Text).label("id")
        return sa.select(key, *fields_of(cls, resolutions)).where(topic.runs(resolutions.c.run_id))

    def entries(self) -> Iterator[Entry]:
        """Tell it."""
        words = f"ended as {self.outcome}{because(self.reason)}"
        by = playbook(self.playbook)
        yield self.entry(self.finished_at, EntryKind.OUTCOME, by, words, run_id=self.run_id)


RUN: tuple[type[Row], ...] = (LeaseRow, ReadsRow, DecisionRow, JournalRow, ResolutionRow)
