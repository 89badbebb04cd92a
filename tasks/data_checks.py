"""
Checks of exemption data: every record by itself, and the report's counts against the records.

Great Expectations takes seconds to import, so that happens only where it is used.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE

from cct_ops.clients.text import one_line
from cct_ops.diagnoses.exemption_failure import JIRA_REFERENCE, BrokenRule
from cct_ops.diagnoses.exemptions import ExemptionFindings
from cct_ops.summaries.expectations import broken

EXAMPLES = 5


@task(cache_policy=NO_CACHE, persist_result=False)
def reconcile(found: ExemptionFindings) -> tuple[BrokenRule, ...]:
    """Return every rule that the records break, and every count that they do not bear out."""
    # Its analytics would send an event for each use; they are off before the first import.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations.expectations.core import (
        ExpectColumnPairValuesToBeEqual,
        ExpectColumnValuesToBeBetween,
        ExpectColumnValuesToBeInSet,
        ExpectColumnValuesToBeUnique,
        ExpectColumnValuesToMatchRegex,
        ExpectColumnValuesToNotBeNull,
    )

    def rule(sentence: str) -> dict[str, str]:
        return {"rule": sentence}

    of_records = [
        ExpectColumnValuesToMatchRegex(
            column="jira",
            regex=JIRA_REFERENCE,
            meta=rule("a JIRA reference is a project in capitals, a dash and a number"),
        ),
        ExpectColumnValuesToMatchRegex(
            column="owner", regex=r"\S", meta=rule("an exemption has an owner")
        ),
        ExpectColumnValuesToNotBeNull(column="ends", meta=rule("an expiration date is a date")),
        ExpectColumnValuesToBeBetween(
            column="line", min_value=1, meta=rule("lines count from one")
        ),
        ExpectColumnValuesToBeInSet(
            column="status",
            value_set=["active", "expired", "revoked"],
            meta=rule("a status is active, expired or revoked"),
        ),
        ExpectColumnValuesToBeUnique(column="id", meta=rule("an id belongs to one record")),
    ]
    of_counts = [
        ExpectColumnPairValuesToBeEqual(
            column_A="reported",
            column_B="counted",
            meta=rule("the report counts what the records are"),
        )
    ]
    return (
        *_broken("records", _records(found), of_records),
        *_broken("counts", _counts(found), of_counts),
    )


def _records(found: ExemptionFindings) -> Any:
    """Put all records that CCT showed anywhere into one frame, each once."""
    import pandas as pd

    shown = {each.id: each for each in (*found.report.upcoming_expirations, *found.expired)}
    listed = {each.id for each in found.validation.exemptions}
    others = [each for each in shown.values() if each.id not in listed]
    rows = [
        {
            "name": f"{each.jira_reference or 'no reference'} ({each.owner or 'nobody'},"
            f" {each.file}:{each.line})",
            "id": each.id,
            "jira": each.jira_reference,
            "owner": each.owner,
            "pattern": each.pattern,
            "line": each.line,
            "status": each.status,
            "ends": each.expires_at,
        }
        for each in (*found.validation.exemptions, *others)
    ]
    return pd.DataFrame(rows)


def _counts(found: ExemptionFindings) -> Any:
    """Put what the report counts beside what the records are, where CCT shows them."""
    import pandas as pd

    if not found.validation.exemptions:
        return pd.DataFrame()
    records, report = _records(found), found.report
    active = records[records["status"] == "active"]
    reported = {("all", "active"): report.total_active, ("all", "expired"): report.total_expired}
    counted = {("all", state): int((records["status"] == state).sum()) for _, state in reported}
    for column, given in (("owner", report.by_owner), ("pattern", report.by_pattern)):
        reported |= {(column, name): number for name, number in given.items()}
        counted |= {(column, name): n for name, n in active.groupby(column).size().items()}
    frame = pd.DataFrame({"reported": reported, "counted": counted}).fillna(0).astype(int)
    frame["name"] = [
        f"{kind} {name}: reported {row.reported}, are {row.counted}"
        for (kind, name), row in zip(frame.index, frame.itertuples(), strict=True)
    ]
    return frame.reset_index(drop=True)


def _broken(about: Literal["records", "counts"], frame: Any, rules: list[Any]) -> list[BrokenRule]:
    """Validate a frame, and name the rows that break each rule."""
    if frame.empty:
        return []
    found = []
    for meta, rows in broken(about, frame, rules, "name"):
        names = [one_line(name, 100) for name in rows]
        shown = tuple(names[:EXAMPLES])
        found.append(BrokenRule(about=about, rule=meta["rule"], times=len(names), examples=shown))
    return found
