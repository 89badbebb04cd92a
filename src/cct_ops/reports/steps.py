"""The steps of a plan as people read them before they say yes."""

from __future__ import annotations

from cct_ops.actions import registry
from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan, Step


class Shown(Frozen):
    """
    One step, and what it does in ``words`` and ``parts`` where its call is for programs alone.

    Otherwise its call is what people read.
    """

    step: Step
    words: str | None = None
    parts: tuple[str, ...] = ()


def shown(plan: Plan) -> tuple[Shown, ...]:
    """Return the steps in their order."""
    return tuple(_shown(step) for step in plan.steps)


def _shown(step: Step) -> Shown:
    words, *parts = registry.explained(step.call) or (None,)
    return Shown(step=step, words=words, parts=tuple(parts))
