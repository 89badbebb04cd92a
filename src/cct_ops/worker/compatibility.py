"""
Prefect's private names, and the check that they are what we know.

Only ``prefect_patches`` and ``start_batching`` use more.

The warm worker is the public ``ProcessWorker`` with two steps of its own. It claims a run without
the requests that ``BaseWorker`` makes one after the other before it starts one (deployment, flow,
labels, a second Pending state), and it starts a run in a forked process instead of a new one, made
ready during the claim.
Everything that follows (cancellation, receipts, exit codes, crash states, hooks) is Prefect's own
executor, the one behind ``ProcessWorker.run``.

``find_incompatibilities()`` compares what we build on with what is installed. When it names
anything, or when an import below fails, the warm worker logs it and is a plain process worker:
slow, and right.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from pathlib import Path

import prefect
from prefect._flow_run_suspension import (
    mark_flow_run_suspension_requested,
    observe_flow_run_suspension,
)
from prefect._internal.control_listener import configure_from_env
from prefect._internal.metrics import RunMetrics
from prefect._internal.observers import FlowRunCancellingObserver, FlowRunSuspendingObserver
from prefect.engine import _drive_run_flow_result as drive, handle_engine_signals
from prefect.flow_engine import run_flow
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._hook_runner import HookRunner
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._state_proposer import StateProposer

__all__ = [
    "FlowRunCancellingObserver",
    "FlowRunExecutorContext",
    "FlowRunSuspendingObserver",
    "HookRunner",
    "ProcessHandle",
    "RunMetrics",
    "StateProposer",
    "configure_from_env",
    "drive",
    "find_incompatibilities",
    "handle_engine_signals",
    "mark_flow_run_suspension_requested",
    "observe_flow_run_suspension",
    "run_flow",
]

TRIED = frozenset({"3.8.8"})
# An environment that was made to try another Prefect names it in this file.
_REHEARSED = Path(sys.prefix) / "cct-ops-rehearsed"

# What we call or replace, and the parameters that it has.
_KNOWN = {
    "prefect.workers.base:BaseWorker._submit_run": "self flow_run",
    "prefect.workers.base:BaseWorker._submit_scheduled_flow_runs": "self flow_run_response",
    "prefect.workers.base:BaseWorker._get_scheduled_flow_runs": "self",
    "prefect.workers.base:BaseWorker._propose_pending_state": "self flow_run",
    "prefect.workers.base:BaseWorker._propose_crashed_state": "self flow_run message client",
    "prefect.workers.base:BaseWorker._release_limit_slot": "self flow_run_id",
    "prefect.workers.base:BaseWorker._give_worker_labels_to_flow_run": "self flow_run_id",
    "prefect.workers.base:BaseWorker._emit_flow_run_submitted_event": "self configuration",
    "prefect.workers.base:BaseWorker._emit_flow_run_executed_event": (
        "self result configuration submitted_event"
    ),
    "prefect.workers.base:BaseJobConfiguration._base_environment": "",
    "prefect.workers.base:BaseJobConfiguration.from_template_and_values": (
        "base_job_template values client"
    ),
    "prefect.workers.process:ProcessJobConfiguration.prepare_for_flow_run": (
        "self flow_run deployment flow work_pool worker_name worker_id"
    ),
    "prefect.runner._flow_run_executor:FlowRunExecutorContext.create_executor": (
        "self flow_run starter resolve_flow propose_submitting hook_runner"
    ),
    "prefect.runner._flow_run_executor:FlowRunExecutor.submit": "self task_status",
    "prefect.runner._hook_runner:HookRunner": "resolve_flow",
    "prefect.runner._hook_runner:HookRunner.run_cancellation_hooks": "self flow_run state",
    "prefect.runner._hook_runner:HookRunner.run_crashed_hooks": "self flow_run state",
    "prefect.runner._control_channel:ControlChannel.register": "self flow_run_id",
    "prefect.runner._control_channel:ControlChannel.unregister": "self flow_run_id",
    "prefect.runner._state_proposer:StateProposer.propose_crashed": "self flow_run message",
    "prefect.runner._state_proposer:StateProposer.propose_cancelled": "self flow_run state_updates",
    "prefect._flow_run_suspension:observe_flow_run_suspension": (
        "flow_run_id suspension_request polling_interval"
    ),
    "prefect._flow_run_suspension:mark_flow_run_suspension_requested": "flow_run_id state",
    "prefect._internal.observers:FlowRunSuspendingObserver": (
        "on_suspended polling_interval event_filter on_failure"
    ),
    "prefect._internal.observers:FlowRunSuspendingObserver._create_watch": "self flow_run_id",
    "prefect._internal.observers:FlowRunSuspendingObserver._start_polling_task": "self task",
    "prefect._internal.observers:FlowRunCancellingObserver._start_polling_task": "self task",
    "prefect._internal.observers:_SuspensionWatch.initialize": "self state",
    "prefect.client.base:PrefectHttpxAsyncClient._add_csrf_headers": "self request",
    "prefect.client.base:PrefectHttpxSyncClient._add_csrf_headers": "self request",
    "prefect.client.orchestration:PrefectClient.__init__": (
        "self api auth_string api_key api_version httpx_settings server_type"
    ),
    "prefect.client.orchestration:SyncPrefectClient.__init__": (
        "self api auth_string api_key api_version httpx_settings server_type"
    ),
    "prefect.client.orchestration:SyncPrefectClient.read_flow_run": "self flow_run_id",
    "prefect.client.orchestration:SyncPrefectClient.set_flow_run_name": "self flow_run_id name",
    "prefect.client.orchestration:SyncPrefectClient.set_flow_run_state": (
        "self flow_run_id state force"
    ),
    "prefect.client.orchestration:SyncPrefectClient.update_flow_run": (
        "self flow_run_id flow_version parameters name tags empirical_policy infrastructure_pid"
        " job_variables"
    ),
    "prefect.events.related:_get_and_cache_related_object": (
        "kind role client_method obj_id cache"
    ),
    "prefect.results:_read_server_default_result_storage_block_id": "",
    "prefect.task_engine:emit_task_run_state_change_event": (
        "task_run initial_state validated_state follows"
    ),
    "prefect.flows:ValidatedFunction": "function config",
    "prefect.flow_engine:run_flow": (
        "flow flow_run parameters wait_for return_type error_logger context"
    ),
}


def find_incompatibilities() -> list[str]:
    """Return what is not as this project was tried with; empty when all is well."""
    tried = TRIED | ({_REHEARSED.read_text()} if _REHEARSED.is_file() else set())
    found = [] if prefect.__version__ in tried else [f"Prefect {prefect.__version__} is not tried"]
    for name, expected in _KNOWN.items():
        try:
            actual = " ".join(inspect.signature(pkgutil.resolve_name(name)).parameters)
        except (AttributeError, ImportError):
            found.append(f"there is no {name}")
        else:
            if actual != expected:
                found.append(f"{name} takes: {actual}")
    return found
