"""The end of a run: in the ledger, in an artifact, in a message, and in the name of its state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from prefect import Flow, get_run_logger, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State

from cct_ops import interrupts
from cct_ops.errors import (
    BadConfiguration,
    KeyRefused,
    NotPermitted,
    OpsError,
    Unavailable,
    Unsupported,
)
from cct_ops.gate import recovery
from cct_ops.gate.gate import Decision
from cct_ops.gate.guards import autonomy_of
from cct_ops.ledger.engine import is_away
from cct_ops.ledger.gate import takeovers
from cct_ops.ledger.record import account as record
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.run import NOT_RECORDED, REFUSED, Outcome, Resolution, Run, incident_of
from cct_ops.models.takeover import TakenOver
from cct_ops.models.verification import Verdict
from tasks import story
from tasks.attempts import Ended, scheduled
from tasks.authorise import gate_of
from tasks.connections import current_run, ledger
from tasks.ending import make_known
from tasks.notify import notify_raise_proposed
from tasks.traces import traced_run

# How Prefect's engine begins the message of a run that an exception ended.
ENGINE_PREFIX = "Flow run encountered an exception: "
# And how where the form or the call that started it was wrong.
WRONG_PARAMETERS = "Validation of flow parameters failed with error: "
# Nothing went wrong: what was asked for is not possible here, or not allowed.
_NOT_HERE = (Unsupported, BadConfiguration, NotPermitted, KeyRefused)

P = ParamSpec("P")


def reported(function: Callable[P, State[Any]]) -> Callable[P, State[Any]]:
    """
    Let a playbook that an error ends have a report, and a state that is named as its outcome.

    An error that we raise on purpose is a sentence in the log; any other one is a fault of ours,
    whose traceback is kept there. A run whose change is not put back ends without an account, so
    that it is recovered, and so does one that ends because the ledger is away.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        story.begins()
        story.shown_on_board(current_run())
        with traced_run() as span:
            try:
                interrupts.check()
                state = function(*args, **kwargs)
            except TakenOver as taken:
                with interrupts.shielded():
                    ended = report_takeover(taken)
                if ended is None:
                    raise
                state = ended
            except Exception as error:  # whatever it is, the run has to end with an account
                if not (isinstance(error, OpsError) or is_away(error)):
                    get_run_logger().exception("A fault in the playbook itself:")
                ended = report_error(error)
                if ended is None:
                    raise
                state = ended
            span.set_attribute("cct_ops.outcome", state.name or "")
            return state

    # Prefect reads the types of the form from here, and would look names up in this module.
    run.__signature__ = inspect.signature(function, eval_str=True)  # type: ignore[attr-defined]
    return run


def report(ended: Outcome | Decision, diagnosis: Diagnosis) -> State[Resolution]:
    """
    End a run: write the record, the artifact and the message; return the run's final state.

    What was permitted counts as resolved only if a verification in the ledger says so.
    """
    run = current_run()
    if isinstance(ended, Outcome):
        story.concluded(diagnosis)
    outcome, reason = _conclusion(ended, diagnosis, run)
    make_known(run, diagnosis.target, outcome, reason, runtime.flow_run.parameters, diagnosis)
    if outcome is Outcome.RESOLVED:
        _propose_raise(run, diagnosis.target)

    resolution = Resolution(
        playbook=diagnosis.playbook,
        target=diagnosis.target,
        outcome=outcome,
        reason=reason,
        evidence=diagnosis.evidence,
    )
    return Ended.of(resolution, red=outcome.needs_attention)


def report_error(error: Exception) -> State[Resolution] | None:
    """
    End a run that an error ended, as ``report`` does; None where its recovery gives the account.

    What is not possible here or not allowed is blocked, and nobody is at fault. Where a schedule
    asks for what this CCT does not have at all, it is not red, or it would be so every day. Where
    nothing was changed and the ledger was away, another run does its work: that is no end of it.
    """
    if is_away(error) and not record.of_run(ledger(), current_run().id).actions:
        return None
    otherwise = Outcome.BLOCKED if isinstance(error, _NOT_HERE) else Outcome.FAILED
    cause = str(error) if isinstance(error, OpsError) else f"{type(error).__name__}: {error}"
    return _ended(
        cause,
        otherwise,
        silence=isinstance(error, Unavailable),
        vain=isinstance(error, Unsupported) and scheduled(),
    )


def report_takeover(taken: TakenOver) -> State[Resolution] | None:
    """End a run that a person wants to end; None where its recovery gives the account."""
    takeovers.mark_stopped(ledger(), current_run().id)
    return _ended(f"{taken} Nothing had been changed.", Outcome.CANCELLED)


def _ended(
    cause: str, otherwise: Outcome, *, silence: bool = False, vain: bool = False
) -> State[Resolution] | None:
    """End the current run for this cause; one that is blocked in ``vain`` is not red."""
    run, parameters = current_run(), runtime.flow_run.parameters
    account = _account(run, cause, otherwise, parameters)
    if account is None:
        return None
    outcome, reason, target = account
    make_known(run, target, outcome, reason, parameters, silence=silence)
    resolution = Resolution(playbook=run.playbook, target=target, outcome=outcome, reason=reason)
    green = vain and outcome is Outcome.BLOCKED
    return Ended.of(resolution, red=outcome.needs_attention and not green)


def report_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """
    Report a run that an error, a crash or a cancellation ended; every playbook has this hook.

    The state's message is all that is left of the error; the rest is in the ledger. An attempt that
    was refused is none: what the ledger has, if anything, is another attempt's. One that could not
    be recorded is left to the controller, which has another run do its work, and so is one whose
    process died while it only looked.
    """
    if state.name in {REFUSED, NOT_RECORDED}:
        return
    run = Run(
        id=flow_run.id,
        name=flow_run.name,
        playbook=flow.name,
        incident_id=incident_of(flow_run.tags),
    )
    if record.of_run(ledger(), run.id).outcome is not None:
        return  # it reported itself, and ended in a state that needs attention
    said = state.message or state.name or ""
    if state.is_crashed() and (unfit := _unfit(flow, flow_run.parameters)):
        said = f"{WRONG_PARAMETERS}{unfit}"
    wrong, cancelled = said.startswith(WRONG_PARAMETERS), state.is_cancelled()
    if state.is_crashed() and not wrong and recovery.left_to_another(ledger(), run.id):
        return
    otherwise = Outcome.FAILED
    if wrong or cancelled or state.is_cancelling():
        otherwise = Outcome.BLOCKED if wrong else Outcome.CANCELLED
    cause = said.removeprefix(ENGINE_PREFIX)
    if wrong:  # Prefect's first line says the same, the others name a parameter each
        lines = said.removeprefix(WRONG_PARAMETERS).splitlines()
        cause = f"Wrong parameters: {'; '.join(line.strip(' -') for line in lines[1:] or lines)}"
    account = _account(run, cause, otherwise, flow_run.parameters)
    if account is not None:
        outcome, reason, target = account
        make_known(run, target, outcome, reason, flow_run.parameters)
        if wrong:  # the flow never saw it: its state is to have the outcome's name, too
            ended = Resolution(playbook=flow.name, target=target, outcome=outcome, reason=reason)
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run.id, Ended.of(ended, red=True), force=True)


def _unfit(flow: Flow[..., Any], parameters: Mapping[str, Any]) -> str:
    """Say which parameters the flow lacks or does not know: with these no process even begins."""
    known = inspect.signature(flow.fn).parameters
    needed = (name for name, each in known.items() if each.default is inspect.Parameter.empty)
    lacking = [f"{name}: it is missing" for name in needed if name not in parameters]
    unknown = [f"{name}: there is no such parameter" for name in parameters.keys() - known.keys()]
    return "; ".join([*lacking, *sorted(unknown)])


def _account(
    run: Run, cause: str, otherwise: Outcome, parameters: Mapping[str, Any]
) -> tuple[Outcome, str, str] | None:
    """Return outcome, reason and target of a run that was ended; None if it is to be recovered."""
    ended = recovery.account_of(ledger(), run, cause, otherwise)
    if ended is None:
        return None
    outcome, reason, planned = ended
    return outcome, reason, str(parameters.get("target") or planned)


def _propose_raise(run: Run, target: str) -> None:
    """Notify people when a verified fix was the one that completes a good record."""
    earned = autonomy_of(ledger(), gate_of(run).policy, run.playbook, target)
    if earned.proposal and earned.is_news:
        notify_raise_proposed(run, target, earned.reason, earned.proposal)


def _conclusion(ended: Outcome | Decision, diagnosis: Diagnosis, run: Run) -> tuple[Outcome, str]:
    if isinstance(ended, Outcome):
        return ended, diagnosis.headline
    if ended.permit is None:
        return ended.outcome or Outcome.BLOCKED, ended.reason
    verified = record.of_run(ledger(), run.id).verifications
    if not verified:
        return Outcome.UNVERIFIED, "The change was let through, and nothing verified it."
    last = verified[-1]
    holds, reason = last.verdict is Verdict.HOLDS, last.reason
    taken = takeovers.of_run(ledger(), run.id)
    if taken is not None:  # the rest of its change may not have been made
        begun = [act for act in record.of_run(ledger(), run.id).actions if act.kind == "change"]
        holds = holds and len(begun) == len(ended.permit.calls)
        reason = f"{taken.words} {reason}"
    return Outcome.RESOLVED if holds else Outcome.UNVERIFIED, reason
