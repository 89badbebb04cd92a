"""The sender of the demo's alert: a real Alertmanager where there is one, else its very body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from cct_ops.errors import Unavailable
from cct_ops.sandbox import alertmanager
from cct_ops.stack.alertmanager import configured, installed
from cct_ops.stack.assembly import Assembly, assemble
from cct_ops.stack.config import HOST, StackConfig
from cct_ops.stack.part import Answers, Part
from cct_ops.stack.postgres import free_port
from cct_ops.stack.process import Program
from cct_ops.stack.up import Running

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Alerting:
    """Sends alerts into one stack."""

    program: str | None
    port: int

    @classmethod
    def here(cls) -> Alerting:
        """Find what this machine has to offer."""
        return cls(installed(), free_port())

    @property
    def sender(self) -> str:
        """The name of the sender of the alert."""
        return "Alertmanager" if self.program else "this command, as Alertmanager would"

    def assemble(self, config: StackConfig, lock_fd: int) -> Assembly:
        """Lay out the usual stack, and Alertmanager beside it: it is watched and stopped alike."""
        assembly = assemble(config, lock_fd)
        if self.program is None:
            return assembly
        folder = config.data / "alertmanager"
        folder.mkdir()
        part = Part(
            name="alertmanager",
            program=self._program(folder, assembly),
            ready=Answers(url=f"{self._url}/-/ready"),
            after=("gateway",),
        )
        plan = assembly.plan.model_copy(update={"parts": (*assembly.plan.parts, part)})
        return replace(assembly, plan=plan)

    def send(self, stack: Running, labels: Mapping[str, str], summary: str) -> None:
        """Let the alert fire; raises ``Unavailable`` when nobody takes it."""
        annotations, now = {"summary": summary}, datetime.now(UTC)
        if self.program is not None:
            alert = {
                "labels": dict(labels),
                "annotations": annotations,
                "startsAt": now.isoformat(),
                "generatorURL": "http://prometheus.example/graph",
            }
            _post(f"{self._url}/api/v2/alerts", [alert])
            return
        key = stack.env["CCT_OPS_ALERTMANAGER_KEY"]
        body = alertmanager.message(labels, annotations, now)
        _post(stack.urls["hook"], body, {"Authorization": f"Bearer {key}"})

    @property
    def _url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def _program(self, folder: Path, assembly: Assembly) -> Program:
        assert self.program is not None  # noqa: S101 -- its only caller has looked
        route = {"group_wait": "0s"}
        key = assembly.env["CCT_OPS_ALERTMANAGER_KEY"]
        argv = configured(self.program, folder, self.port, assembly.urls["hook"], key, route)
        return Program(argv=tuple(argv), env=dict(assembly.env))


def _post(url: str, body: object, headers: Mapping[str, str] | None = None) -> None:
    try:
        httpx.post(
            url, json=body, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False
        ).raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(f"The alert was not taken: {error}") from error
