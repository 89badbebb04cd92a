"""``cct-ops drain``: let nothing new begin, so that people can change the installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter, validators

from cct_ops.commands.here import ledger, person, prefect_must_be_known
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    import sqlalchemy as sa
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, WorkPool

LOOK_SECONDS = 2.0
# A worker that was asked just before the drain has claimed its run by then.
QUIET_LOOKS = 2
_NAMED = 5

T = TypeVar("T")


def drain(
    *,
    end: Annotated[bool, Parameter(negative="", help="Let runs begin again.")] = False,
    wait: Annotated[
        bool, Parameter(negative="", help="Wait until nothing is under way any more.")
    ] = False,
    minutes: Annotated[
        float,
        Parameter(
            validator=validators.Number(gte=0), help="With --wait: the longest that it waits."
        ),
    ] = 60,
    show: Annotated[
        bool, Parameter(negative="", help="Change nothing; say how it stands.")
    ] = False,
    reason: Annotated[str, Parameter(help="Why; kept in the record.")] = "no reason given",
    as_json: Json = False,
) -> int:
    """
    Let no new run begin until `cct-ops drain --end`, for an upgrade or a move.

    Alerts are stored as ever, and their runs begin when the drain ends. Runs that are under way
    come to their own end; one that waits for a person's yes goes on after the drain. What puts
    things back still runs. No run is killed, and no fix undone. Restarts do not end it.
    """
    from cct_ops.ledger.gate import drains

    if sum((end, wait, show)) > 1:
        raise BadConfiguration("--end, --wait and --show exclude each other: name one of them")
    engine = ledger()
    if end:
        changed = drains.end(engine, reason, person())
        _say_unless(as_json, _ended(engine) if changed else "Nothing was drained: runs begin.")
    elif not show:
        changed = drains.begin(engine, reason, person())
        _say_unless(as_json, "Drained: no new run begins." if changed else "It was drained before.")
    waited = _until_quiet(engine, minutes * 60, quiet=as_json) if wait else True
    if as_json:
        say_json(_standing(engine))
    elif not end and not wait:
        _say_standing(engine)
    return 0 if waited else 1


def _say_unless(silent: bool, sentence: str) -> None:
    if not silent:
        say(sentence)


def _ended(engine: sa.Engine) -> str:
    from cct_ops.ledger.gate import drains
    from cct_ops.models.base import counted

    waiting = drains.waiting(engine)
    begin = f" {counted(waiting, 'alert has', 'alerts have')} waited." if waiting else ""
    return f"The drain is over: runs begin again.{begin}"


def _standing(engine: sa.Engine) -> dict[str, object]:
    """Return how it stands, for programs; what Prefect does not say is null."""
    from cct_ops.ledger.gate import drains

    found = drains.standing(engine)
    runs = _under_way()
    return {
        "draining": found is not None,
        "since": found.at if found else None,
        "person": found.person if found else None,
        "reason": found.reason if found else None,
        "runs_under_way": None if runs is None else [run.name for run in runs],
        "permits_open": drains.permits_open(engine),
        "alerts_waiting": drains.waiting(engine),
    }


def _say_standing(engine: sa.Engine) -> None:
    from cct_ops.ledger.gate import drains
    from cct_ops.models.base import counted

    found = drains.standing(engine)
    if found is None:
        say("Runs begin as ever: nothing is drained.")
        return
    say(f"Drained since {found.at:%Y-%m-%d %H:%M:%S} UTC by {found.person}: {found.reason}.")
    say(_sentence(_under_way(), drains.permits_open(engine)))
    say(f"{counted(drains.waiting(engine), 'alert waits', 'alerts wait')} for the end of it.")
    for name in _unheeding():
        say(
            ("Look: ", "bold yellow"),
            f"the work pool {name} is not of the warm worker and knows no drain: pause it, too"
            f" (`cct-ops prefect work-pool pause {name}`).",
        )


def _until_quiet(engine: sa.Engine, seconds: float, *, quiet: bool) -> bool:
    """Wait until nothing is under way, and say what is; False where it took too long."""
    from cct_ops.ledger.gate import drains

    prefect_must_be_known()
    until, said, looks = time.monotonic() + seconds, "", 0
    while looks < QUIET_LOOKS:
        runs, permits = _under_way(), drains.permits_open(engine)
        looks = looks + 1 if runs == [] and not permits else 0
        sentence = _sentence(runs, permits)
        if looks == QUIET_LOOKS:
            break
        if looks == 0 and sentence != said and not quiet:
            say(said := sentence)
        if looks == 0 and time.monotonic() > until:
            _say_unless(quiet, "It is not over yet. The drain lasts: type it again to wait on.")
            return False
        if drains.standing(engine) is None:
            raise BadConfiguration("somebody has ended the drain, so nothing is waited for")
        time.sleep(LOOK_SECONDS)
    _say_unless(quiet, "Nothing is under way: parts can be stopped, upgraded and started.")
    return True


def _sentence(runs: Sequence[FlowRun] | None, permits: int) -> str:
    from cct_ops.models.base import counted

    if runs is None:
        return f"Prefect does not answer; {counted(permits, 'permit is', 'permits are')} open."
    if not runs:
        open_ = f", and {counted(permits, 'permit is', 'permits are')} open" if permits else ""
        return f"No run is under way{open_}."
    names = ", ".join(run.name for run in runs[:_NAMED])
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return f"{counted(len(runs), 'run is', 'runs are')} under way: {names}{more}."


def _under_way() -> list[FlowRun] | None:
    """Return the runs that some process works on; None where Prefect does not say."""
    from cct_ops.clients import server

    return _said_by_prefect(server.under_way)


def _unheeding() -> list[str]:
    """Return the work pools of our deployments whose workers ask for no drain."""
    from cct_ops.clients import deployments

    def used(client: SyncPrefectClient) -> list[WorkPool]:
        names = {each.work_pool_name for each in deployments.listed(client)}
        return [client.read_work_pool(name) for name in sorted(filter(None, names))]

    pools = _said_by_prefect(used) or []
    return [pool.name for pool in pools if pool.type != "warm" and not pool.is_paused]


def _said_by_prefect(asked: Callable[[SyncPrefectClient], T]) -> T | None:
    """Return the answer of its server; None where there is none."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    from cct_ops.clients import server

    if not PREFECT_API_URL.value():
        return None
    try:
        with server.CONFIGURED.connect() as client:
            return asked(client)
    except (httpx.HTTPError, Unavailable):
        return None
