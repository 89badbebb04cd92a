"""The final state of a run: its name is the outcome, its message the reason."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext

from cct_ops.models.run import Resolution


class Ended(State[Resolution]):
    """
    How a run ended.

    A run that needs attention is red, and that is no error of its flow. Prefect's engine would take
    the result of a red state for an exception to raise; here it gets what the flow returned.
    """

    @classmethod
    def of(cls, resolution: Resolution, *, red: bool) -> Ended:
        """Make the state that says so."""
        return cls(
            type=StateType.FAILED if red else StateType.COMPLETED,
            name=resolution.outcome.value,
            message=resolution.reason,
            data=resolution,
        )

    def result(self, *_: object, **__: object) -> Any:
        """Return the resolution, of whatever colour; None of a run that was not begun."""
        data: Any = self.data  # the engine wraps it in a record of its own
        return data.result if hasattr(data, "result") else data


def scheduled() -> bool:
    """Say whether a schedule started this run, and neither a person nor an alert."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.auto_scheduled)
