"""Actions on canaries, and on the rules by which CCT pulls them."""

from __future__ import annotations

from cct_ops.actions import auto_rollback, canary
from tasks.acting import action

reset_canary = action(canary.ResetCanary)
disable_canary = action(canary.DisableCanary)
promote_canary = action(canary.PromoteCanary)
set_canary = action(canary.SetCanary)

set_slo_thresholds = action(auto_rollback.SetSloThresholds)
disable_auto_rollback = action(auto_rollback.DisableAutoRollback)
enable_auto_rollback = action(auto_rollback.EnableAutoRollback)
