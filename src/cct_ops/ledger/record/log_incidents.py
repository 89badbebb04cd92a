"""The incidents that leaves are about: by their own word, or by the run that they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

# A row that names no incident names its run, or what that was allowed.
_OF = sa.text("""
    with asked_runs as (
        select run_id as name, run_id from unnest(cast(:runs as uuid[])) as r(run_id)
        union select id, run_id from permits where id = any(cast(:permits as uuid[]))
        union select id, run_id from approvals where id = any(cast(:approvals as uuid[]))),
    known as (
        select run_id, incident_id from decisions union select run_id, incident_id from resolutions
        union select run_id, incident_id from approvals
        union select run_id, incident_id from permits
        union select flow_run_id, incident_id from dispatches)
    select cast(a.name as text), cast(min(cast(k.incident_id as text)) as text)
    from asked_runs a join known k using (run_id) where k.incident_id is not null group by a.name
""")
# An alert that opens an incident closes the one before it, if that was open still.
_ALERTS = sa.text("""
    select cast(a.delivery_id as text) as delivery_id, cast(a.incident_id as text) as incident_id,
        a.status, a.verdict, left(a.labels ->> 'alertname', 200) as alertname,
        left(a.labels ->> 'severity', 200) as severity, cast(before.id as text) as supersedes
    from alerts a left join incidents i on i.id = a.incident_id and a.verdict = 'opened'
    left join incidents before on before.source = i.source and before.key = i.key
        and before.episode = i.episode - 1 and before.closed_as = 'superseded'
    where a.delivery_id = any(cast(:deliveries as uuid[])) order by a.id
""")


class Related(NamedTuple):
    """The incident of a row, where it is one alone, and the alerts of a delivery."""

    incident_id: str | None
    alerts: tuple[dict[str, str | None], ...] = ()


def related(connection: sa.Connection, said: Sequence[Mapping[str, Any]]) -> list[Related]:
    """Return for each leaf, as it was parsed, what it belongs to."""
    of_runs = _of_runs(connection, said)
    alerts = _alerts(connection, said)
    found = []
    for each in said:
        row = each.get("row") or {}
        if each["kind"] == "deliveries":
            mine = tuple(alerts.get(each["key"], ()))
            touched = {alert["incident_id"] for alert in mine} - {None}
            found.append(Related(touched.pop() if len(touched) == 1 else None, mine))
        elif "incident_id" in row:
            found.append(Related(row["incident_id"]))
        else:
            found.append(Related(of_runs.get(_owner(row))))
    return found


def _owner(row: Mapping[str, Any]) -> str:
    return str(row.get("run_id") or row.get("permit_id") or row.get("approval_id"))


def _of_runs(connection: sa.Connection, said: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    asked: dict[str, set[str]] = {"run_id": set(), "permit_id": set(), "approval_id": set()}
    for each in said:
        row = each.get("row") or {}
        name = next((name for name in asked if row.get(name)), None)
        if name is not None and "incident_id" not in row:
            asked[name].add(row[name])
    if not any(asked.values()):
        return {}
    names = {f"{name.removesuffix('_id')}s": sorted(ids) for name, ids in asked.items()}
    return dict(connection.execute(_OF, names).tuples().all())


def _alerts(
    connection: sa.Connection, said: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, str | None]]]:
    deliveries = sorted({each["key"] for each in said if each["kind"] == "deliveries"})
    found: dict[str, list[dict[str, str | None]]] = defaultdict(list)
    if deliveries:
        for row in connection.execute(_ALERTS, {"deliveries": deliveries}).mappings():
            said_of_it = dict(row)
            found[said_of_it.pop("delivery_id")].append(said_of_it)
    return found
