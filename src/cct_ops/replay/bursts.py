"""Bursts of a replay: the moments at which incidents opened decide, as in the controller."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from cct_ops.ledger.intake.grouping import GroupingLimits, assign, may_run


class Bursts:
    """The burst that there is now, if any, with its groups."""

    def __init__(self, limits: GroupingLimits) -> None:
        self._limits = limits
        self._groups: dict[str, UUID] | None = None

    def leader(
        self, opened: Sequence[datetime], at: datetime, group_of: Callable[[], str], incident: UUID
    ) -> tuple[UUID, bool] | None:
        """
        Return the incident that stands for the group, and whether it may have a run.

        None where there is no burst: then each incident stands for itself.
        """
        window = self._limits.window_seconds(in_burst=self._groups is not None)
        young = len(opened) - bisect_right(opened, at - timedelta(seconds=window))
        if young <= self._limits.incidents:
            self._groups = None
            return None
        if self._groups is None:
            self._groups = {}
        group = group_of()
        leader, counts = assign(self._groups, {group: incident}, self._limits)[group]
        return leader, may_run(group, counts)
