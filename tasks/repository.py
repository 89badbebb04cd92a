"""Actions on CCT's repository at GitHub."""

from __future__ import annotations

from cct_ops.actions import repository
from tasks.acting import action

propose_change = action(repository.ProposeChange)
withdraw_change = action(repository.WithdrawChange)
set_variable = action(repository.SetVariable)
delete_variable = action(repository.DeleteVariable)
dispatch_workflow = action(repository.DispatchWorkflow)
open_issue = action(repository.OpenIssue)
close_issue = action(repository.CloseIssue)
