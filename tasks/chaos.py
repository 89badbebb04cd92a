"""Actions that make a staging CCT misbehave, or stop that."""

from __future__ import annotations

from cct_ops.actions.chaos import InjectFault, RemoveFault
from tasks.acting import action

inject_fault = action(InjectFault)
remove_fault = action(RemoveFault)
