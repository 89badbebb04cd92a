"""The results of a rehearsal."""

from __future__ import annotations

from cct_ops.models.base import Frozen


class Rehearsed(Frozen):
    """
    One thing that was tried, and what is wrong with it, if anything is.

    ``kind`` is *worker* for what the worker promises, else *playbook*.
    """

    kind: str
    name: str
    problem: str | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        return self.problem is None
