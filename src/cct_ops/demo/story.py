"""The demo from its first line to its exit code."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import AliasPath, BaseModel, Field, SecretStr, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.demo.alerting import Alerting
from cct_ops.errors import Unavailable
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.ledger.record.account import RunRecord
from cct_ops.models.cct import Route
from cct_ops.models.run import Outcome
from cct_ops.reports.timeline import Moment, timeline
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack import own_sandbox
from cct_ops.stack.config import HOST, StackConfig
from cct_ops.stack.process_guard import die_with_parent
from cct_ops.stack.progress_display import ProgressDisplay
from cct_ops.stack.up import Running, running, way_in

_POLL_SECONDS = 0.2

ROUTE = Route.PRE_MARKET_BRIEFING
PATIENCE_SECONDS = 120.0
KEPT = Path("docs", "benchmarks", "results.json")


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows the one incident of a fresh stack."""

    engine: sa.Engine

    @classmethod
    def of(cls, stack: Running) -> Self:
        """Follow the incident of this stack."""
        return cls(connect(SecretStr(stack.env["CCT_OPS_DATABASE_URL"])))

    def run(self, until: float) -> UUID:
        """Wait until the incident has a run."""
        while True:
            with self.engine.connect() as connection:
                row = connection.execute(
                    sa.select(dispatches.c.state, dispatches.c.flow_run_id, dispatches.c.note)
                ).first()
            if row is not None and row.flow_run_id is not None:
                return UUID(str(row.flow_run_id))
            seen = f"it is {row.state} ({row.note or 'no note'})" if row else "it was not received"
            _pause(until, f"No run was started for the alert: {seen}.")

    def outcome(self, run_id: UUID, until: float) -> RunRecord:
        """Wait until the run has reported how it ended."""
        while True:
            known = account.of_run(self.engine, run_id)
            if known.outcome is not None:
                return known
            _pause(until, f"The run did not end; it has got as far as {_last(known)}.")


def _pause(until: float, problem: str) -> None:
    if time.monotonic() > until:
        raise Unavailable(f"{problem} Try `cct-ops demo --keep` and look at it in the Prefect UI.")
    time.sleep(_POLL_SECONDS)


def _last(known: RunRecord) -> str:
    if known.actions:
        return f"the action {known.actions[-1].call}"
    return "its decision" if known.decisions else "its probes"


def _probing(side: str) -> AliasPath:
    return AliasPath("steps", side, "probing", "median")


class _Kept(BaseModel):
    measured_on: str
    cores: int = Field(validation_alias=AliasPath("machine", "cores"))
    cpu: str = Field(validation_alias=AliasPath("machine", "cpu"))
    load: float = Field(validation_alias=AliasPath("machine", "load_average_before", 1))
    stock_seconds: float = Field(validation_alias=_probing("stock"))
    warm_seconds: float = Field(validation_alias=_probing("ours"))


def run_demo(*, keep: bool) -> int:
    """Run the demo; returns 0 only if the sandbox's canary really serves again."""
    die_with_parent(signal.SIGTERM)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _frame: sys.exit(128 + number))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts without
    console = Console()
    display = ProgressDisplay(console)
    try:
        with tempfile.TemporaryDirectory(prefix="cct-ops-demo-") as folder:
            config = StackConfig.ephemeral(Path(folder))
            github = own_sandbox.repository(f"http://{HOST}:{config.sandbox_port}")
            config = config.model_copy(update={"env": own_sandbox.PACE | github})
            alerting = Alerting.here()
            with (
                display,
                running(config, on_event=display.show, assembler=alerting.assemble) as stack,
            ):
                code = _incident(stack, alerting, console, config.project)
                if keep:
                    display.show_running(
                        {**stack.urls, **way_in(stack)},
                        config.data,
                        own_key=stack.own_key,
                        commands=stack.commands,
                    )
                    stack.supervisor.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 0 if keep else 130
    return code


def _incident(stack: Running, alerting: Alerting, console: Console, project: Path) -> int:
    until = time.monotonic() + PATIENCE_SECONDS
    follower = Follower.of(stack)
    with SandboxControl(stack.urls["cct"]) as sandbox:
        sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
        console.print(
            f"\nThe sandbox pulled the canary of {ROUTE}: p95 was 6200 ms, the limit is 5000 ms."
            f"\nThe alert is sent by {alerting.sender}; now the playbook runs ..."
        )
        alerting.send(
            stack,
            {"alertname": "CanaryRolledBack", "route": ROUTE.value, "severity": "critical"},
            "auto-rollback pulled the canary",
        )
        run_id = follower.run(until)
        known = follower.outcome(run_id, until)
        canary = sandbox.state().routes[ROUTE]

    console.print(_table(timeline(known)))
    if known.looked_at and known.received_at:
        console.print(f"\n{gain((known.looked_at - known.received_at).total_seconds(), project)}")
    serves = canary.enabled and (canary.percentage or 0) > 0
    console.print(_outcome(known, serves=serves, share=canary.percentage))
    console.print(f"The run: {stack.urls['prefect']}/v2/runs/flow-run/{run_id}", soft_wrap=True)
    return 0 if serves and known.outcome is Outcome.RESOLVED else 1


def gain(seconds: float, project: Path) -> str:
    """Describe the time to the first look, and when a run itself began to look when measured."""
    took = f"From the alert to the first look at CCT: {seconds:.2f} s."
    try:
        kept = _Kept.model_validate_json((project / KEPT).read_bytes())
    except (OSError, ValidationError):
        return took
    where = f"{kept.measured_on}, {kept.cores} cores of {kept.cpu}, load average {kept.load:.1f}"
    return (
        f"{took}\nThe run itself began to look after {kept.warm_seconds:.2f} s, with Prefect's"
        f" process worker after {kept.stock_seconds:.1f} s, when both were measured"
        f" ({where}: {KEPT.parent})."
    )


def _table(moments: list[Moment]) -> Table:
    table = Table(title="What happened", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("UTC", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for moment in moments:
        seconds = (moment.at - moments[0].at).total_seconds()
        table.add_row(f"{moment.at:%H:%M:%S.%f}"[:-3], f"{seconds:.2f} s", moment.what)
    return table


def _outcome(known: RunRecord, *, serves: bool, share: float | None) -> Text:
    style = "bold green" if serves else "bold red"
    canary = f"serves {share:g} % of traffic" if serves else "does not serve"
    return Text.assemble(
        ("\n", ""),
        (f"{known.outcome}", style),
        f": {known.reason}\nThe sandbox itself says: the canary of {ROUTE} {canary}.",
    )
