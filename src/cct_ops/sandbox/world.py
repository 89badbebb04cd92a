"""The state of the sandbox, one request on its way through it, and the families of verbs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request

from cct_ops.sandbox.canary_store import CanaryStore, Lagged
from cct_ops.sandbox.chaos_faults import Chaos
from cct_ops.sandbox.clock import Clock
from cct_ops.sandbox.envelope import Json, Reply, bad_json
from cct_ops.sandbox.exemption_store import ExemptionStore
from cct_ops.sandbox.faults import Effects, FaultList
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.sandbox.github_store import GitHub
from cct_ops.sandbox.incidents import Incidents, Policy
from cct_ops.sandbox.inputs import Dialect, SeenRequest
from cct_ops.sandbox.limits import Gate
from cct_ops.sandbox.rate_limit_store import RateLimits
from cct_ops.sandbox.slack_store import SlackStore
from cct_ops.sandbox.traffic import RouteTraffic, Traffic


class World:
    """One pristine CCT and what happens to it; a reset makes a new one."""

    def __init__(self, dialect: Dialect, api_keys: frozenset[str], *, limits: bool) -> None:
        self.dialect = dialect
        self.limits = limits
        self.clock = Clock()
        self.canary = CanaryStore(self.clock)
        self.policy = Lagged(Policy(), self.clock)
        self.incidents = Incidents()
        self.traffic = Traffic()
        self.gate = Gate(api_keys)
        self.rate_limits = RateLimits(self.clock)
        self.exemptions = ExemptionStore(self.clock)
        self.faults = FaultList()
        self.chaos = Chaos()
        self.values: dict[str, dict[str, str]] = {}  # of families that keep one value a thing
        self.log: list[SeenRequest] = []
        self.slack = SlackStore(self.clock)
        self.github = GitHub(self.clock, GitHubSeed())
        self.status_page: list[Json] = []

    def serving(self, route: str) -> RouteTraffic:
        """Return a route's traffic as the faults that were injected let it be."""
        traffic, now = self.traffic.of(route), self.clock.now()
        return replace(
            traffic,
            canary=self.chaos.degraded(traffic.canary, now),
            stable=self.chaos.degraded(traffic.stable, now),
        )


@dataclass
class Sandbox:
    """The present world, and how the process was started."""

    dialect: Dialect
    limits: bool
    api_keys: frozenset[str]
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.reset(None, None)

    def reset(self, dialect: Dialect | None, limits: bool | None) -> None:
        """Forget everything; what is left out is as the process was started."""
        self.world = World(
            dialect or self.dialect, self.api_keys, limits=self.limits if limits is None else limits
        )


def world_of(request: Request) -> World:
    """Return the present world of the sandbox that a request came to."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox.world


class Refused(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


@dataclass
class Call:
    """One request to CCT's API with everything that its handler may look at."""

    world: World
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    effects: Effects = field(default_factory=Effects)
    request_id: str = ""

    def __post_init__(self) -> None:
        self.request_id = f"req_{int(self.now * 1000)}_{secrets.token_hex(5)}"

    @property
    def now(self) -> float:
        """The world's present moment."""
        return self.world.clock.now()

    def number(self, name: str, default: float) -> float:
        """Read a positive number from the query; anything else is as if it were absent."""
        try:
            value = float(self.query.get(name) or default)
        except ValueError:
            return default
        return value if 0 < value < float("inf") else default

    def json_object(self) -> Json | None:
        """Decode a JSON object; None for anything else."""
        given = self.readable_body()
        return given if isinstance(given, dict) else None

    def posted(self, message: str, code: str) -> Json:
        """Decode a JSON object, or answer with the error that a handler has for anything else."""
        given = self.json_object()
        if given is None:
            raise Refused(bad_json(self.now, message, code))
        return given

    def readable_body(self) -> Any:
        """Return the body for the log: decoded if it is JSON, else as text, None if empty."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return self.body.decode(errors="replace")


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Verb:
    """
    A handler and whether it changes state; CCT itself hardly ever looks at the method.

    One that is ``public`` answers before any key is looked at, as every 404 does.
    """

    handle: Handler
    writes: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """
    All verbs of one family in one dialect.

    ``verbs`` maps ``"verb"``, or ``"METHOD verb"`` where the method makes a difference, or
    ``"METHOD verb/*"`` where one thing's name follows. ``limit`` is the class of the admin limiter
    that the family's requests count against, if any.
    """

    title: str
    verbs: Mapping[str, Verb]
    unknown_status: int = 404
    limit: str | None = None

    def find(self, verb: str, method: str) -> Verb | None:
        """Return the verb's handler."""
        any_one = f"{method} {verb.partition('/')[0]}/*" if "/" in verb else verb
        return self.verbs.get(f"{method} {verb}") or self.verbs.get(verb) or self.verbs.get(any_one)

    def names(self) -> list[str]:
        """List the verbs, each once."""
        return list(dict.fromkeys(key.rpartition(" ")[2] for key in self.verbs))
