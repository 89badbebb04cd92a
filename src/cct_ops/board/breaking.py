"""
Breaking something on purpose, in the sandbox that the board's own stack runs in CCT's place.

What watches CCT is played here: an alert is sent to the gateway as Alertmanager would, and its end
once the fault is gone. With any other CCT there is nothing of this.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import sqlalchemy as sa

from cct_ops.addresses import reached_at
from cct_ops.board.page import Board
from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import clock
from cct_ops.models.run import Outcome
from cct_ops.record import account, incidents, playbook_runs, standing
from cct_ops.record.incidents import Filters
from cct_ops.sandbox import alertmanager
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios.breakage import Breakage
from cct_ops.variables import said

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 20 * 60
_TWO_CLICKS = timedelta(seconds=10)
_NEVER = datetime.min.replace(tzinfo=UTC)

log = logging.getLogger(__name__)


def break_(board: Board, breakage: Breakage, by: str) -> UUID:
    """
    Put the fault into the sandbox and send its alert; return the incident that came of it.

    Raises ``Unavailable`` where sandbox or gateway do not answer.
    """
    url = board.own_sandbox()
    if url is None:
        raise Unavailable("Nothing was broken: this stack runs no sandbox of its own.")
    if (just := _just_broken(board, breakage)) is not None:
        return just  # two clicks break it once
    fault = _Fault(board, breakage, url, _rested(board, breakage), by, datetime.now(UTC))
    fault.seed()
    incident = fault.alert()
    threading.Thread(target=fault.follow, args=(incident,), daemon=True).start()
    return incident


@dataclass(frozen=True)
class _Fault:
    """One fault on one target, from its seed until its alert has ended."""

    board: Board
    breakage: Breakage
    sandbox: str
    target: str
    by: str
    began_at: datetime

    def seed(self) -> None:
        """Put it into the sandbox."""
        with self._control() as sandbox:
            try:
                self.breakage.seed(sandbox, self.target)
            except httpx.HTTPError as error:
                raise Unavailable(
                    f"Nothing was broken: the sandbox does not take it ({type(error).__name__})."
                    " Try again in a minute."
                ) from error

    def alert(self, ended_at: datetime | None = None) -> UUID:
        """Send its alert, or the end of it; return the incident that it belongs to."""
        why = f"Broken on purpose in the sandbox, on the board, by {self.by}"
        body = alertmanager.message(
            self.breakage.labels(self.target),
            {"summary": self.breakage.title, "description": why},
            self.began_at,
            ended_at,
        )
        settings = self.board.settings
        hook = f"{reached_at(settings.gateway_host, settings.gateway_port)}/hooks/alertmanager"
        headers = {"Authorization": f"Bearer {said('CCT_OPS_ALERTMANAGER_KEY') or ''}"}
        try:
            answer = httpx.post(hook, json=body, headers=headers, timeout=10, trust_env=False)
            answer.raise_for_status()
            return UUID(answer.json()["incidents"][0])
        except (httpx.HTTPError, ValueError, LookupError) as error:
            raise Unavailable(
                "The sandbox is broken now, and the gateway did not take the alert"
                f" ({type(error).__name__}): deployments/sources.yaml is to have a source called"
                f" alertmanager with the key of CCT_OPS_ALERTMANAGER_KEY, at {hook}."
            ) from error

    def follow(self, incident: UUID) -> None:
        """Send the end of the alert once the fault is gone, as whoever watches CCT would."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            try:
                if self._over(incident):
                    self.alert(datetime.now(UTC))
                    return
            except (OpsError, sa.exc.SQLAlchemyError, httpx.HTTPError) as error:
                log.warning("cannot see yet whether a fault is gone: %s", type(error).__name__)

    def _over(self, incident: UUID) -> bool:
        known = account.read(self.board.engine, incident)
        if known is None or known.outcome is None:
            return False
        if self.breakage.over is None:
            return known.outcome is Outcome.RESOLVED
        with self._control() as sandbox:
            return self.breakage.over(sandbox)

    def _control(self) -> SandboxControl:
        return SandboxControl(self.sandbox)


def _just_broken(board: Board, breakage: Breakage) -> UUID | None:
    """Return the incident of the same fault that began seconds ago."""
    since = clock.read(board.engine) - _TWO_CLICKS
    newest = incidents.newest(board.engine, 20, Filters(state=incidents.OPEN, since=since))
    return next((each.id for each in newest if each.what == breakage.alert["alertname"]), None)


def _rested(board: Board, breakage: Breakage) -> str:
    """
    Return the target that was left alone for longest: no cool-down is in the way there.

    One that an open incident is about comes last, whichever fault that has: both would hide there.
    """
    opened = standing.urgent(board.engine, board.contacts().severities, 100).shown
    busy = {each.target for each in opened}
    ended = playbook_runs.newest(board.engine, breakage.playbook, 100)
    last = {each.target: each.finished_at for each in reversed(ended)}
    return min(breakage.targets, key=lambda each: (each in busy, last.get(each, _NEVER)))
