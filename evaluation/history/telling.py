"""How the week is told: deliveries, and what runs did about the incidents that they opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from cct_ops.config import yaml_files
from cct_ops.config.sources import Source, Sources
from cct_ops.models.plan import Call, ChangeHolds, Plan, Step
from cct_ops.models.run import Outcome, Severity
from cct_ops.replay.history import (
    FORMAT,
    Delivered,
    Header,
    Held,
    Line,
    Opened,
    RunOfThen,
    Switched,
)
from cct_ops.replay.intake import Intake
from evaluation.history.bodies import encoded

SOURCES = Path(__file__).with_name("sources.yaml")
_NAMES = UUID("51f3a1d2-0a4e-4a0b-8a4f-3a7d6f6c9b10")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Telling:
    """A history in the making; all ids follow from the order in which it is told."""

    since: datetime
    until: datetime
    deliveries: list[Delivered] = field(default_factory=list)
    runs: list[RunOfThen] = field(default_factory=list)
    switches: list[Switched] = field(default_factory=list)
    holds: list[Held] = field(default_factory=list)
    sources: Mapping[str, Source] = field(
        default_factory=lambda: yaml_files.load(SOURCES, Sources).sources
    )

    def delivered(
        self,
        at: datetime,
        source: str,
        content: object,
        *,
        opens: bool = True,
        again: Iterable[datetime] = (),
        copies: int = 1,
        **headers: str,
    ) -> tuple[UUID, ...]:
        """Let a body come, and return the incidents that its alerts opened, one for each."""
        moments = (at, *again)
        line = Delivered(
            id=uuid5(_NAMES, f"delivery {len(self.deliveries)}"),
            at=moments,
            source=source,
            body=encoded(content),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            copies=max(copies, len(moments)),
        )
        alerts = Intake(self.sources).read(line).read.alerts or () if opens else ()
        opened = tuple(
            Opened(key=each.received(at).key, incident=uuid5(line.id, f"incident {number}"))
            for number, each in enumerate(alerts)
        )
        self.deliveries.append(line.model_copy(update={"opened": opened}))
        return tuple(each.incident for each in opened)

    def ran(
        self,
        playbook: str,
        target: str,
        at: datetime,
        incident: UUID | None = None,
        *,
        calls: tuple[str, ...] = (),
        person: str | None = None,
        **more: Any,
    ) -> None:
        """
        Let a run have looked at this moment, and have planned so many calls.

        Unless ``more`` says otherwise it was permitted, and its fix held a minute later.
        """
        plan = _plan(playbook, target, calls, person) if calls else None
        usual: dict[str, Any] = {}
        if plan is not None:
            usual = {
                "decided_at": (at,),
                "plan": plan,
                "severity": Severity.P1,
                "verdict": "permitted",
                "permitted_at": at + 2 * SECOND,
                "calls": len(calls),
                "outcome": Outcome.RESOLVED,
                "held": True,
            }
        run = {
            "id": uuid5(_NAMES, f"run {len(self.runs)}"),
            "at": at,
            "playbook": playbook,
            "target": target,
            "incident": incident,
            "for_alert": incident is not None,
            "outcome": Outcome.NOTHING_TO_DO,
            "finished_at": at + MINUTE,
            **usual,
            **more,
        }
        self.runs.append(RunOfThen.model_validate(run))

    def stopped(
        self,
        playbook: str,
        target: str,
        at: datetime,
        incident: UUID,
        verdict: Outcome,
        guard: str | None = None,
        **more: Any,
    ) -> None:
        """Let a run have ended without a permit."""
        nothing: dict[str, Any] = {
            "verdict": verdict.value,
            "guard": guard,
            "outcome": verdict,
            "permitted_at": None,
            "held": False,
        }
        self.ran(playbook, target, at, incident, calls=("set_it_right",), **nothing | more)

    def lines(self) -> Iterable[Line]:
        """Return the history in the order of its file."""
        yield Header(format=FORMAT, since=self.since, until=self.until)
        yield from self.switches
        yield from self.holds
        yield from sorted(self.runs, key=lambda each: (each.at, each.id))
        yield from sorted(self.deliveries, key=lambda each: (each.at[0], each.id))


def _plan(playbook: str, target: str, calls: tuple[str, ...], person: str | None) -> Plan:
    made = [Call(method=method, arguments={"target": target}) for method in calls]
    return Plan(
        playbook=playbook,
        target=target,
        summary="Made up.",
        blast_radius="None: it is made up.",
        steps=tuple(Step(call=call, undo=call) for call in made),
        steady_state=ChangeHolds(what="It is as it was set", watch_seconds=0),
        state={},
        needs_person=person,
    )
