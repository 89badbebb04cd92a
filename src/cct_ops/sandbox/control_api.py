"""The server's side of the control API: never limited, no key, tests only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route as Path

from cct_ops.models.cct import Route
from cct_ops.sandbox import slo
from cct_ops.sandbox.canary_store import Config, Entry, default, enabled
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.incidents import Breach
from cct_ops.sandbox.inputs import (
    Advance,
    Expire,
    Fault,
    Reset,
    RollBack,
    RouteState,
    SandboxState,
    SeedDemand,
    SeedExemptions,
    SetCanary,
    SetChaos,
    SetProfile,
    SetValue,
)
from cct_ops.sandbox.seeding import (
    exemptions_state,
    rate_limits_state,
    seed_demand,
    seed_exemptions,
)
from cct_ops.sandbox.world import Sandbox, World

FAULTS = TypeAdapter(list[Fault])
ROLLBACK_WINDOW_SECONDS = 600

T = TypeVar("T", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]


def set_canary(world: World, given: SetCanary) -> None:
    """Set a route as a person would; a share that is switched on is also the configured one."""
    now, old = world.clock.now(), world.canary.written(given.route)
    if given.enabled:
        config, share = enabled(given.percentage, now), given.percentage
    else:
        config, share = old.config.disabled(now), old.configured_share or 0
    world.canary.settle(given.route, Entry(config, now, share, given.actor))


def roll_back(world: World, given: RollBack) -> None:
    """Pull a route's canary as CCT's auto-rollback does, and record why."""
    at = world.clock.now() - given.minutes_ago * 60
    old = world.canary.written(given.route)
    before = at - ROLLBACK_WINDOW_SECONDS
    on = old.config if old.config.enabled else enabled(old.configured_share, before)
    measured = slo.observed(world, given.route, ROLLBACK_WINDOW_SECONDS).values()
    world.incidents.roll_back(
        Breach(
            id=str(uuid4()),
            route=str(given.route),
            metric=given.metric,
            observed=given.observed,
            threshold=given.threshold,
            started_at=at,
            ended_at=at if given.breach_over else None,
        ),
        world.policy.latest,
        measured,
    )
    world.canary.settle(given.route, Entry(on.disabled(at), at, old.configured_share, "cct"))


def expire(world: World, given: Expire) -> None:
    """Let a route's configuration run out now."""
    share = world.canary.written(given.route).configured_share
    world.canary.settle(given.route, Entry(default(given.route), world.clock.now(), share))


def set_profile(world: World, given: SetProfile) -> None:
    """Change a route's traffic."""
    world.traffic.change(
        given.route,
        canary=given.canary.given(),
        stable=given.stable.given(),
        requests_per_second=given.requests_per_second,
        slo_sample_size=given.slo_sample_size,
        canary_gets_percent=given.canary_gets_percent,
    )


def set_chaos(world: World, given: SetChaos) -> None:
    """Change CCT's environment and auto-rollback."""
    for name, value in given.model_dump(exclude_none=True).items():
        setattr(world.chaos, name, value)


def set_value(world: World, given: SetValue) -> None:
    """Set one value of a family."""
    world.values.setdefault(given.family, {})[given.thing] = given.value


def advance(world: World, given: Advance) -> None:
    """Let time pass."""
    world.clock.advance(given.advance_seconds)


def state(world: World) -> SandboxState:
    """Return the truth, without the time, so that two of them can be compared."""
    policy = world.policy.latest
    return SandboxState(
        dialect=world.dialect,
        limits=world.limits,
        auto_rollback_enabled=policy.enabled,
        slo_thresholds={str(name): value for name, value in policy.thresholds.items()},
        routes={str(route): _route_state(world.canary.written(route)) for route in Route},
        rollbacks=len(world.incidents.events),
        breaches=len(world.incidents.breaches),
        exemptions=exemptions_state(world),
        rate_limits=rate_limits_state(world),
        values=world.values,
        chaos_faults=tuple(fault.id for fault in world.chaos.live(world.clock.now())),
    )


def _route_state(entry: Entry) -> RouteState:
    config: Config = entry.config
    return RouteState(
        enabled=config.enabled,
        percentage=config.percentage,
        metadata=config.metadata,
        configured_percentage=entry.configured_share,
        since=iso(entry.since),
        changed_by=entry.changed_by,
    )


async def unprocessable(_: Request, problem: Exception) -> Response:
    """Answer with what is wrong with a control request."""
    if not isinstance(problem, ValidationError):
        raise problem
    where = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()]
    return PlainTextResponse("; ".join(where), 422)


class ControlApi:
    """The endpoints below ``/_sandbox/``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Path]:
        """List the control API's endpoints."""
        return [
            Path("/_sandbox/reset", self._reset, methods=["POST"]),
            Path("/_sandbox/canary", self._change(SetCanary, set_canary), methods=["POST"]),
            Path("/_sandbox/rollback", self._change(RollBack, roll_back), methods=["POST"]),
            Path("/_sandbox/expire", self._change(Expire, expire), methods=["POST"]),
            Path("/_sandbox/profile", self._change(SetProfile, set_profile), methods=["POST"]),
            Path(
                "/_sandbox/exemptions",
                self._change(SeedExemptions, seed_exemptions),
                methods=["POST"],
            ),
            Path("/_sandbox/demand", self._change(SeedDemand, seed_demand), methods=["POST"]),
            Path("/_sandbox/chaos", self._change(SetChaos, set_chaos), methods=["POST"]),
            Path("/_sandbox/value", self._change(SetValue, set_value), methods=["POST"]),
            Path("/_sandbox/clock", self._change(Advance, advance), methods=["POST"]),
            Path("/_sandbox/faults", self._set_faults, methods=["POST"]),
            Path("/_sandbox/faults", self._clear_faults, methods=["DELETE"]),
            Path("/_sandbox/requests", self._requests, methods=["GET"]),
            Path("/_sandbox/writes", self._writes, methods=["GET"]),
            Path("/_sandbox/state", self._state, methods=["GET"]),
        ]

    def _change(self, model: type[T], change: Callable[[World, T], None]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            change(self._sandbox.world, model.model_validate_json(await request.body() or b"{}"))
            return self._truth()

        return endpoint

    def _truth(self) -> Response:
        return JSONResponse(state(self._sandbox.world).model_dump(mode="json"))

    async def _reset(self, request: Request) -> Response:
        given = Reset.model_validate_json(await request.body() or b"{}")
        self._sandbox.reset(given.dialect, given.limits)
        return self._truth()

    async def _set_faults(self, request: Request) -> Response:
        self._sandbox.world.faults.replace(FAULTS.validate_json(await request.body()))
        return self._truth()

    async def _clear_faults(self, _: Request) -> Response:
        self._sandbox.world.faults.replace([])
        return self._truth()

    async def _requests(self, _: Request) -> Response:
        return JSONResponse([entry.wire() for entry in self._sandbox.world.log])

    async def _writes(self, _: Request) -> Response:
        return JSONResponse([entry.wire() for entry in self._sandbox.world.log if entry.write])

    async def _state(self, _: Request) -> Response:
        return self._truth()
