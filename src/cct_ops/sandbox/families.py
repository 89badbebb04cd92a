"""Which families of admin endpoints each dialect has: one line for each."""

from __future__ import annotations

from collections.abc import Mapping

from cct_ops.sandbox import canary, chaos, exemptions, rate_limits, slo
from cct_ops.sandbox.family import Family
from cct_ops.sandbox.inputs import Dialect

FAMILIES: Mapping[Dialect, Mapping[str, Family]] = {
    "runbook": {
        "canary": canary.RUNBOOK,
        "slo": slo.RUNBOOK,
        "exemptions": exemptions.RUNBOOK,
        "rate-limit": rate_limits.RUNBOOK,
        "chaos": chaos.RUNBOOK,
    },
    "mounted": {
        "canary": canary.MOUNTED,
        "exemptions": exemptions.MOUNTED,
    },
    "bare": {},
}
