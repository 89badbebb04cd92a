"""When incidents are too many to be handled one by one."""

from __future__ import annotations

from pydantic import Field

from cct_ops.models.amounts import Count, Seconds
from cct_ops.models.base import Frozen


class StormLimits(Frozen):
    """
    More than so many incidents within the window are a storm, until there is calm for so long.

    In a storm at most ``runs`` groups of incidents get a run each, which only observes.
    """

    incidents: Count = Field(60, ge=1)
    within_seconds: Seconds = Field(60, gt=0)
    calm_seconds: Seconds = Field(300, gt=0)
    runs: Count = Field(10, ge=1)
