"""
The chaos family of a staging CCT, and an auto-rollback that reacts to what it does.

Both are assumptions of the runbook dialect (docs/cct-api.md). The family itself is never affected,
so that a fault can always be removed.
"""

from __future__ import annotations

from uuid import uuid4

from pydantic import Field, ValidationError

from cct_ops.models.cct import Route
from cct_ops.models.chaos import FaultId, Injection
from cct_ops.sandbox import slo
from cct_ops.sandbox.canary_store import Entry
from cct_ops.sandbox.envelope import Json, Reply, error, success
from cct_ops.sandbox.incidents import Breach, Metric
from cct_ops.sandbox.world import Call, Family, Verb, World

WINDOW_SECONDS = 600
# The tolerance of auto-rollback's policy for a canary.
FORGIVEN: dict[Metric, float] = {"p95_latency_ms": 1.5, "error_rate_percent": 2.0}


class Wanted(Injection):
    """The body of an injection."""

    id: FaultId
    ttl_seconds: float = Field(gt=0, le=7200)


def status(call: Call) -> Reply:
    """Answer which environment this is."""
    return success(call.now, {"environment": call.world.chaos.environment})


def faults(call: Call) -> Reply:
    """Answer the faults in effect, or inject one more."""
    chaos = call.world.chaos
    if call.method == "GET":
        live = chaos.live(call.now)
        return success(call.now, {"faults": [_wire(fault.id, fault.injection) for fault in live]})
    if chaos.environment != "staging":
        return error(call.now, 403, "Chaos is for staging only", "NOT_STAGING")
    try:
        wanted = Wanted.model_validate_json(call.body)
    except ValidationError as problem:
        return error(call.now, 400, problem.errors()[0]["msg"], "INVALID_FAULT")
    injection = Injection.model_validate(wanted.model_dump(exclude={"id", "ttl_seconds"}))
    if not call.effects.drop_writes:
        chaos.inject(wanted.id, injection, call.now, wanted.ttl_seconds)
    return success(call.now, _wire(wanted.id, injection))


def remove(call: Call) -> Reply:
    """End the fault that the path names; one that there is not is as good as removed."""
    fault_id = call.path.rpartition("/")[2]
    removed = not call.effects.drop_writes and call.world.chaos.remove(fault_id, call.now)
    return success(call.now, {"id": fault_id, "removed": removed})


def roll_back_what_breaches(world: World) -> None:
    """Pull the canaries that have breached auto-rollback's limits for long enough."""
    now, chaos, policy = world.clock.now(), world.chaos, world.policy.latest
    after, live = chaos.rolls_back_after_seconds, chaos.live(now)
    if not policy.enabled or not live:
        return
    faulty_since = min(fault.since for fault in live)
    for route in Route:
        entry = world.canary.written(route)
        if not entry.config.share or now - max(entry.since, faulty_since) < after:
            continue
        breach = _breach(route, world.serving(route).canary, policy.thresholds, now)
        if breach is not None:
            measured = slo.observed(world, route, WINDOW_SECONDS)
            world.incidents.roll_back(breach, policy, measured)
            off = Entry(entry.config.disabled(now), now, entry.configured_share, "cct")
            world.canary.settle(route, off)


def _breach(
    route: str, seen: dict[Metric, float], limits: dict[Metric, float], now: float
) -> Breach | None:
    for metric, limit in limits.items():
        forgiven = limit * FORGIVEN.get(metric, 1)
        low = metric == "availability_percent"
        if seen[metric] < forgiven if low else seen[metric] > forgiven:
            return Breach(str(uuid4()), str(route), metric, seen[metric], forgiven, now, now)
    return None


def _wire(fault_id: str, injection: Injection) -> Json:
    return {"id": fault_id, **injection.model_dump(mode="json")}


RUNBOOK = Family(
    title="Chaos endpoint not found",
    verbs={
        "GET status": Verb(status),
        "GET faults": Verb(faults),
        "POST faults": Verb(faults, writes=True),
        "DELETE faults/*": Verb(remove, writes=True),
    },
)
