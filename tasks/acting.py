"""Actions as tasks of Prefect, each made of its class: run once, nothing kept, and read back."""

from __future__ import annotations

from typing import TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from cct_ops.actions.action import Action
from cct_ops.models.plan import Permit
from tasks.authorise import executor

A = TypeVar("A", bound=Action)


def action(kind: type[A]) -> Task[[Permit, A], None]:
    """Make the task of an action."""

    def act(permit: Permit, wanted: A) -> None:
        executor().apply(permit, wanted.call)

    act.__name__ = act.__qualname__ = kind.method
    act.__doc__ = kind.described()
    return task(retries=0, cache_policy=NO_CACHE, persist_result=False)(act)
