"""What the model is told: the figures, made of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.capacity.fit import PARTS, Phase, costs, requests, things
from evaluation.capacity.latency import STAGES
from evaluation.capacity.parts import Figures

_CALM_RUNS, _CALM_ALERTS = "runs with nothing to do", "known alerts"
_ONE_KNOWN, _ONE_NEW = "known alerts, one by one", "new incidents, one by one"
_LEAST_COMMIT_SECONDS = 0.001
_ON_THE_WAY = ("nginx", "gateway", "postgres", "standby")


def figures_of(phases: Sequence[Phase]) -> Figures:
    """Return what the model is told: costs, and the stages of a run on a calm cluster."""
    by_name = {phase["load"]["name"]: phase for phase in phases}
    cpu = costs(phases, "cpu", PARTS)
    reached = by_name[_CALM_RUNS]["stages"]["median"]
    before = [0.0, *(reached[stage] for stage in STAGES)]
    stages = {
        stage: max(reached[stage] - earlier, 0.0)
        for stage, earlier in zip(STAGES, before, strict=False)
    }
    # On a busy machine they take longer than their work; at most half of a run's comes before them.
    work = sum(each.get("look", 0.0) for each in cpu.values())
    shorter = min(1.0, work / 2 / max(sum(stages.values()), 1e-9))
    stages = {stage: seconds * shorter for stage, seconds in stages.items()}
    calm = by_name[_CALM_ALERTS]
    commit = max(_answered(calm) - _of_a_delivery(cpu, calm), _LEAST_COMMIT_SECONDS)
    one_new, one_known = (_answered(by_name[name]) for name in (_ONE_NEW, _ONE_KNOWN))
    opening = max(one_new - one_known - cpu["gateway"].get("incident", 0.0), 0.0)
    return Figures(cpu, stages, commit, requests(phases), opening)


def _answered(phase: Phase) -> float:
    return float(phase["accepted_milliseconds"]["median"]) / 1000


def _of_a_delivery(cpu: Mapping[str, Mapping[str, float]], phase: Phase) -> float:
    """Return the processor time between a delivery's arrival and its answer."""
    counts = things(phase)
    return sum(
        cpu[part].get(thing, 0.0) * counts[thing] / counts["delivery"]
        for part in _ON_THE_WAY
        for thing in ("batch", "delivery", "alert", "incident")
    )
