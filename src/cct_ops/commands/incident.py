"""``cct-ops incident``: the whole account of one incident, or of one run."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cct_ops.commands.options import AnyId, Html, Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    import sqlalchemy as sa

    from cct_ops.models.account import Account, Entry

WAIT_SECONDS = 2.0


def incident(wanted: AnyId, *, as_json: Json = False, html: Html = None) -> int:
    """Tell all that the ledger knows of it: each step with its time, by whom, and on what."""
    from cct_ops.commands.here import ledger

    found = _with_runs(of(ledger(), wanted))
    if html is not None:
        from cct_ops.record.page import render

        write(html, render(found))
        say(f"{found.title}: {len(found.entries)} entries are in {html}", stderr=as_json)
    if as_json:
        say_json(found.model_dump(mode="json"))
    elif html is None:
        show(found)
    return 0


def of(engine: sa.Engine, wanted: str) -> Account:
    """Return the account that is meant; raises ``BadConfiguration`` where there is none."""
    from cct_ops.ledger import ids
    from cct_ops.record import account

    known = ids.matching(engine, wanted, *ids.WHATEVER)
    if len(known) > 1:
        raise BadConfiguration(ids.ambiguous(wanted, known))
    for each, kind in known.items():
        if kind is ids.Kind.DELIVERY:
            return _of_delivery(engine, each)
        found = account.read(engine, ids.run_behind(engine, kind, each))
        if found is not None:
            return found
    kinds = (ids.Kind.INCIDENT, ids.Kind.RUN)
    raise BadConfiguration(ids.unknown(wanted, kinds, "cct-ops incidents"))


def _of_delivery(engine: sa.Engine, delivery_id: UUID) -> Account:
    """Return the account of the incident that a delivery was about, or of the delivery alone."""
    from cct_ops.record import account

    about = account.incidents_of(engine, delivery_id)
    if len(about) > 1:
        raise BadConfiguration(
            f"delivery {delivery_id} was about {len(about)} incidents, so name one of them:"
            f" {', '.join(map(str, about))}"
        )
    found = account.read(engine, about[0]) if about else None
    found = found or account.read_delivery(engine, delivery_id)
    if found is None:
        raise BadConfiguration(f"there is no delivery {delivery_id}")
    return found


def _with_runs(account: Account) -> Account:
    """Add the links to the runs in Prefect and, where Prefect answers, the states that it has."""
    from cct_ops.reports.links import run_link

    states = _states([run.id for run in account.runs])
    runs = tuple(
        run.model_copy(update={"link": run_link(run.id), "state": states.get(run.id)})
        for run in account.runs
    )
    return account.model_copy(update={"runs": runs})


def _states(run_ids: list[UUID]) -> dict[UUID, str]:
    """Return the states of the runs in Prefect; of none where it does not answer in time."""
    from prefect.settings import PREFECT_API_URL

    if not run_ids or not PREFECT_API_URL.value():
        return {}
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(sync_client=True, httpx_settings={"timeout": WAIT_SECONDS}) as client,
        ):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=run_ids))
            found = client.read_flow_runs(flow_run_filter=wanted)
    except httpx.HTTPError:
        return {}
    return {run.id: run.state_name for run in found if run.state_name}


def write(path: Path, content: str | bytes) -> None:
    """Write a file; raises ``BadConfiguration`` where that cannot be done."""
    with writing(path):
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise ``BadConfiguration`` where a file cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be written: {error.strerror}") from None


def show(account: Account) -> None:
    """Print an account, by the clock on the wall here and, where that is another, by UTC."""
    say((account.title, "bold"))
    if account.summary:
        say(f"  {account.summary}")
    for run in account.runs:
        state = f"; in Prefect: {run.state}" if run.state else ""
        say(f"  run {run.id}: {run.name}, {run.stands}{state}")
        if run.link:
            say(f"    {run.link}")
    day = None
    for entry in account.entries:
        here = entry.at.astimezone()
        if here.date() != day:
            day = here.date()
            say()
            in_brackets = "; in brackets: UTC" if here.utcoffset() else ""
            say((f"{day:%A, %d %B %Y}, {here:%Z}{in_brackets}", "bold"))
        _show(entry, here)
    if account.thread:
        say(f"Its thread in Slack shows now: {account.thread}")


def _show(entry: Entry, here: datetime) -> None:
    from datetime import UTC

    there = entry.at.astimezone(UTC)
    other_day = f"{there:%m-%d} " if there.date() != here.date() else ""
    brackets = f" ({other_day}{there:%H:%M:%S})" if here.utcoffset() else ""
    clock = here.time().isoformat(timespec="milliseconds")
    first, *more = entry.text.splitlines() or [""]
    say(f"{clock}{brackets}  ", (f"{entry.actor.name}: ", "cyan"), first)
    for line in more:
        say(f"    {line}")
    if entry.actor.proof:
        say((f"    proof: {entry.actor.proof}", "dim"))
    for name, value in entry.facts.items():
        say((f"    {name}: {value}", "dim"))
