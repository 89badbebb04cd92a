"""The names of what is claimed, what is done to which part, and where a run stands then."""

from __future__ import annotations

from typing import Literal, get_args

Claim = Literal[
    "no alert lost",
    "none doubled",
    "no change without permit",
    "no two changes at once on a target",
    "every temporary change taken back in time",
    "no good fix undone",
    "every run ends",
    "every person asked is told how it ended",
]
Kind = Literal[
    "kill -9",
    "pause 30 s",
    "ten times slower",
    "cut off",
    "disk full",
    "clock ±5 min",
    "restart",
    "restored from backup",
    "memory lost",
    "connection pool exhausted",
]
PartName = Literal[
    "gateway",
    "controller",
    "worker",
    "child",
    "prefect_api",
    "prefect_services",
    "postgresql",
    "redis",
    "cct",
    "slack",
]
Phase = Literal[
    "created",
    "pending",
    "looking",
    "waiting for a yes",
    "under lock",
    "sent and not answered",
    "watching",
    "undoing",
    "reporting",
]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
KINDS: tuple[Kind, ...] = get_args(Kind)
PART_NAMES: tuple[PartName, ...] = get_args(PartName)
PHASES: tuple[Phase, ...] = get_args(Phase)
