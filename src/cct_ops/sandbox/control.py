"""The client's side of the control API, for tests and the demo, and the sandbox's own process."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx
from pydantic import TypeAdapter
from pydantic_core import to_json

from cct_ops.child_process import ended
from cct_ops.sandbox.github_inputs import GitHubSeed, GitHubState
from cct_ops.sandbox.incidents import Metric
from cct_ops.sandbox.inputs import (
    Actor,
    Dialect,
    Fault,
    Message,
    SandboxState,
    SeedExemption,
    SeenRequest,
)

T = TypeVar("T")

START_SECONDS = 30
STOP_SECONDS = 5
GREETING = "sandbox: "


class SandboxControl:
    """Drives one running sandbox; ``base_url`` is also the URL of the CCT that it plays."""

    def __init__(self, base_url: str, api_key: str = "sandbox-key") -> None:
        self.base_url = base_url.rstrip("/")
        self._key = api_key
        # Proxies of the environment are for the world outside, never for a sandbox.
        self._http = httpx.Client(base_url=self.base_url, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def reset(self, *, dialect: Dialect | None = None, limits: bool | None = None) -> None:
        """Make everything pristine; what is left out is as the sandbox was started."""
        self._post("reset", {"dialect": dialect, "limits": limits})

    def set_canary(
        self, route: str, percentage: float, *, enabled: bool = True, actor: Actor = "person"
    ) -> None:
        """Set a route's canary directly, past the API."""
        given = {"route": route, "enabled": enabled, "percentage": percentage, "actor": actor}
        self._post("canary", given)

    def roll_back(
        self, route: str, metric: Metric, *, observed: float, threshold: float, **more: Any
    ) -> None:
        """Let CCT's auto-rollback pull a route's canary; ``more`` are other fields of RollBack."""
        given = {"route": route, "metric": metric, "observed": observed, "threshold": threshold}
        self._post("rollback", given | more)

    def expire(self, route: str) -> None:
        """Let a route's configuration run out, as it does 3600 s after a write."""
        self._post("expire", {"route": route})

    def profile(
        self,
        route: str,
        *,
        canary: Mapping[Metric, float] | None = None,
        stable: Mapping[Metric, float] | None = None,
        **figures: float,
    ) -> None:
        """Change how a route's traffic behaves, as SetProfile says; what is left out stays."""
        sides = {"canary": canary or {}, "stable": stable or {}}
        self._post("profile", {"route": route, **sides, **figures})

    def exemptions(self, *records: SeedExemption, **wrong: Any) -> None:
        """Store exactly these exemptions; ``wrong`` are the other fields of SeedExemptions."""
        self._post("exemptions", {"records": records, **wrong})

    def demand(self, user: str, requests_per_minute: float, **more: Any) -> None:
        """Add what a user asks of a rate limit; ``more`` are the other fields of SeedDemand."""
        self._post("demand", {"user": user, "requests_per_minute": requests_per_minute, **more})

    def chaos(self, **given: Any) -> None:
        """Change CCT's environment and auto-rollback: ``given`` are fields of SetChaos."""
        self._post("chaos", given)

    def put(self, family: str, thing: str, value: str) -> None:
        """Set one value of a family that keeps one for each thing."""
        self._post("value", {"family": family, "thing": thing, "value": value})

    def faults(self, *faults: Fault) -> None:
        """Set exactly these faults."""
        self._post("faults", faults)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self.faults()

    def advance_clock(self, seconds: float) -> None:
        """Let time pass at once."""
        self._post("clock", {"advance_seconds": seconds})

    def set_off(self, seconds: float) -> None:
        """Let CCT's own clock be so far ahead or behind; what it logs is of the right time."""
        self._post("clock-off", {"seconds": seconds})

    def requests(self) -> list[SeenRequest]:
        """Return all requests that CCT's API saw, oldest first."""
        return self._get("requests", list[SeenRequest])

    def writes(self) -> list[SeenRequest]:
        """Return the requests that reached a handler which changes state."""
        return [each for each in self.requests() if each.write]

    def state(self) -> SandboxState:
        """Return the truth about CCT, whatever its reads answer at the moment."""
        return self._get("state", SandboxState)

    def slack_messages(self, *, after: int = 0) -> list[Message]:
        """
        Return the messages in Slack, of webhooks and of bots; a bot's as it stands now.

        Those behind the first ``after`` alone, for whoever has read those already.
        """
        return self._get(f"slack?after={after}", list[Message])

    def status_page(self) -> list[Message]:
        """Return the posts to the status page, oldest first."""
        return self._get("status-page", list[Message])

    def press(
        self, message: Message, action_id: str, user: str, request_url: str, signing_secret: str
    ) -> dict[str, Any]:
        """Let a user press a button; returns the app's status, its seconds, and what was sent."""
        given = {
            "channel": message.body["channel"],
            "ts": message.body["ts"],
            "action_id": action_id,
            "user": user,
            "request_url": request_url,
            "signing_secret": signing_secret,
        }
        answer = _checked(self._http.post("/_sandbox/slack/press", json=given))
        said: dict[str, Any] = answer.json()
        return said

    def delete_slack_message(self, ts: str) -> None:
        """Delete a bot's message, as a person may."""
        _checked(self._http.delete(f"/_sandbox/slack/{ts}"))

    def seed_github(self, seed: GitHubSeed) -> None:
        """Put this repository in the place of the one that is there."""
        self._post("github", seed)

    def by_hand(self, path: str, json: dict[str, Any] | None = None) -> None:
        """Change CCT through its API, as a person with curl does."""
        headers = {"X-API-Key": self._key}
        _checked(self._http.post(f"/api/v1/{path}", json=json, headers=headers))

    def set_variable(self, name: str, value: str) -> None:
        """Change a variable of the repository through GitHub's API, as a person does."""
        path = f"/github/repos/example/cct/actions/variables/{name}"
        headers = {"Authorization": "Bearer a-person"}
        _checked(self._http.patch(path, json={"name": name, "value": value}, headers=headers))

    def github(self) -> GitHubState:
        """Return the truth about the repository, and the changes that were asked for."""
        return self._get("github", GitHubState)

    def _get(self, name: str, shape: type[T]) -> T:
        found = _checked(self._http.get(f"/_sandbox/{name}")).content
        return TypeAdapter(shape).validate_json(found)

    def _post(self, name: str, body: Any) -> None:
        _checked(self._http.post(f"/_sandbox/{name}", content=to_json(body)))


def _checked(response: httpx.Response) -> httpx.Response:
    """Raise ValueError with the sandbox's own message for what it refuses."""
    if response.is_error:
        raise ValueError(f"the sandbox refused {response.request.url.path}: {response.text}")
    return response


@contextmanager
def start_sandbox(
    *,
    dialect: Dialect = "runbook",
    limits: bool = True,
    api_key: str = "sandbox-key",
    port: int = 0,
) -> Iterator[SandboxControl]:
    """
    Run a sandbox and yield its control.

    It dies with this process, and already with the thread that started it (Linux ties the two).
    """
    command = [sys.executable, "-m", "cct_ops.sandbox", "--port", str(port), "--dialect", dialect]
    command += ["--parent", str(os.getpid())]
    if not limits:
        command.append("--no-limits")
    environment = os.environ | {"X_API_KEY": api_key}
    with (
        subprocess.Popen(  # noqa: S603 -- our own module with our own arguments
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process,
        ended(process, STOP_SECONDS),
        SandboxControl(_announced_url(process), api_key) as control,
    ):
        yield control


def _announced_url(process: subprocess.Popen[str]) -> str:
    """Wait for the line with the sandbox's URL."""
    assert process.stdout is not None  # noqa: S101 -- for the type checker: it is a pipe
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line.startswith(GREETING):
        raise RuntimeError(f"the sandbox did not start: it printed {line!r}, see stderr")
    return line.removeprefix(GREETING).strip()
