"""The server's side of the control API: never limited, no key, tests only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as Path

from cct_ops.models.cct import Route
from cct_ops.sandbox import slo
from cct_ops.sandbox.canary_store import Config, Entry, default, enabled
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.exemption_store import DAY_SECONDS, LIST_TTL_SECONDS, Content, Exemption
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.sandbox.github_store import GitHub
from cct_ops.sandbox.incidents import Breach
from cct_ops.sandbox.inputs import (
    Advance,
    ExemptionsState,
    Expire,
    RateLimitsState,
    Reset,
    RollBack,
    RouteState,
    SandboxState,
    SeedDemand,
    SeedExemptions,
    SetCanary,
    SetChaos,
    SetFaults,
    SetOff,
    SetProfile,
    SetValue,
)
from cct_ops.sandbox.world import World, world_of


def seed_exemptions(world: World, given: SeedExemptions) -> None:
    """Store exactly these records."""
    now, store = world.clock.now(), world.exemptions
    records = [
        Exemption(
            id=str(uuid4()),
            expiration_date=iso(now + record.days_left * DAY_SECONDS),
            created_at=now,
            **record.model_dump(exclude={"days_left"}),
        )
        for record in given.records
    ]
    listed_at = now - (LIST_TTL_SECONDS if given.list_lost else 0)
    store.settle(Content({r.id: r for r in records}, listed_at, given.count_drift))
    store.jira_down = given.jira_down
    store.hasty_days = given.hasty_days


def seed_demand(world: World, given: SeedDemand) -> None:
    """Add one user's demand, and spread its refusals over the last minutes."""
    now, store = world.clock.now(), world.rate_limits
    store.demands.append(given)
    apart = given.over_minutes * 60 / max(given.refusals, 1)
    for number in range(given.refusals):
        store.record_refusal(now - number * apart, given.limit, given.user, given.path)


ROLLBACK_WINDOW_SECONDS = 600

T = TypeVar("T", bound=BaseModel)


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
    measured = slo.observed(world, given.route, ROLLBACK_WINDOW_SECONDS)
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
    figures = given.model_dump(exclude={"route", "canary", "stable"}, exclude_none=True)
    canary, stable = given.canary.given(), given.stable.given()
    world.traffic.change(given.route, canary=canary, stable=stable, figures=figures)


def set_chaos(world: World, given: SetChaos) -> None:
    """Change CCT's environment and auto-rollback."""
    for name, value in given.model_dump(exclude_none=True).items():
        setattr(world.chaos, name, value)


def set_value(world: World, given: SetValue) -> None:
    """Set one value of a family."""
    world.values.setdefault(given.family, {})[given.thing] = given.value


def set_faults(world: World, given: SetFaults) -> None:
    """Set exactly these faults."""
    world.faults.replace(given.root)


def seed_github(world: World, given: GitHubSeed) -> None:
    """Put this repository in the place of the one that is there."""
    world.github = GitHub(world.clock, given)


def advance(world: World, given: Advance) -> None:
    """Let time pass."""
    world.clock.advance(given.advance_seconds)


def set_off(world: World, given: SetOff) -> None:
    """Set CCT's clock wrong, or right again."""
    world.clock.off_seconds = given.seconds


def state(world: World) -> SandboxState:
    """Return the truth, without the time, so that two of them can be compared."""
    policy, content = world.policy.latest, world.exemptions.written
    return SandboxState(
        dialect=world.dialect,
        limits=world.limits,
        auto_rollback_enabled=policy.enabled,
        slo_thresholds={str(name): value for name, value in policy.thresholds.items()},
        routes={str(route): _route_state(world.canary.written(route)) for route in Route},
        rollbacks=len(world.incidents.events),
        breaches=len(world.incidents.breaches),
        exemptions=ExemptionsState(
            records={key: record.wire() for key, record in content.records.items()},
            list_lost=world.exemptions.list_lost(content),
            count_drift=content.count_drift,
        ),
        rate_limits=RateLimitsState(
            limits=dict(world.rate_limits.written),
            starved=[demand.user for demand in world.rate_limits.demands if demand.starved],
        ),
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


def _change(name: str, model: type[T], change: Callable[[World, T], None]) -> Path:
    async def endpoint(request: Request) -> Response:
        given = model.model_validate_json(await request.body() or b"{}")
        change(world_of(request), given)
        return _json(state(world_of(request)))

    return Path(f"/_sandbox/{name}", endpoint, methods=["POST"])


def _view(name: str, view: Callable[[World], object]) -> Path:
    async def endpoint(request: Request) -> Response:
        return _json(view(world_of(request)))

    return Path(f"/_sandbox/{name}", endpoint, methods=["GET"])


async def _slack(request: Request) -> Response:
    """Answer the messages behind the first so many, for whoever has read those already."""
    read = request.query_params.get("after", "0")
    if not read.isdecimal():
        return PlainTextResponse("after: this is no number of messages", 422)
    return _json(world_of(request).slack.messages[int(read) :])


async def _reset(request: Request) -> Response:
    given = Reset.model_validate_json(await request.body() or b"{}")
    request.app.state.sandbox.reset(given.dialect, given.limits)
    return _json(state(world_of(request)))


def _json(shown: object) -> Response:
    return Response(to_json(shown), media_type="application/json")


ROUTES = [
    Path("/_sandbox/reset", _reset, methods=["POST"]),
    _change("canary", SetCanary, set_canary),
    _change("rollback", RollBack, roll_back),
    _change("expire", Expire, expire),
    _change("profile", SetProfile, set_profile),
    _change("exemptions", SeedExemptions, seed_exemptions),
    _change("demand", SeedDemand, seed_demand),
    _change("chaos", SetChaos, set_chaos),
    _change("value", SetValue, set_value),
    _change("clock", Advance, advance),
    _change("clock-off", SetOff, set_off),
    _change("faults", SetFaults, set_faults),
    _change("github", GitHubSeed, seed_github),
    _view("state", state),
    _view("requests", lambda world: world.log),
    _view("github", lambda world: world.github.state()),
    Path("/_sandbox/slack", _slack, methods=["GET"]),
    _view("status-page", lambda world: world.status_page),
]
