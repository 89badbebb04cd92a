"""The task of every action, by the name that plans use."""

from __future__ import annotations

from prefect import Task

from cct_ops.actions.action import Action
from cct_ops.actions.registry import ACTIONS
from cct_ops.models.plan import Permit
from tasks import chaos, cleanup, mitigate, repository, rollback
from tasks.authorise import executor

TASKS: dict[str, Task[[Permit, Action], None]] = {
    value.name: value
    for verbs in (rollback, cleanup, mitigate, chaos, repository)
    for value in vars(verbs).values()
    if isinstance(value, Task)
}
if odd := TASKS.keys() ^ ACTIONS.keys():
    raise TypeError(f"Each action is made a task of its name in tasks/: {', '.join(sorted(odd))}.")


def perform_all(permit: Permit) -> None:
    """Carry out all calls of a permit, in their order."""
    executor().perform_all(permit)
