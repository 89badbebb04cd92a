"""Names of runs that were made for something that only the ledger knows."""

from __future__ import annotations

from collections.abc import Callable

from prefect.runtime import flow_run

from cct_ops.models.run import RECOVERS, TAKES_BACK


def named(playbook: str, parameter: str) -> Callable[[], str]:
    """
    Let a run keep the words that it was made with, and name any other by its parameter.

    Prefect's form makes up a name where a person types none.
    """

    def name() -> str:
        given = str(flow_run.name)
        return (
            given
            if given.startswith((TAKES_BACK, RECOVERS))
            else f"{playbook} {flow_run.parameters[parameter]}"
        )

    return name
