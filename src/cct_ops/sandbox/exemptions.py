"""The exemption family: the verbs of CCT's handlers and those that only its runbook names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from typing import Any
from uuid import uuid4

from cct_ops.sandbox import exemption_store as reports
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json, Reply, admin, error
from cct_ops.sandbox.exemption_store import DAY_SECONDS, Exemption, Records
from cct_ops.sandbox.limits import EXEMPTION_LIMIT
from cct_ops.sandbox.world import Call, Family, Verb

JIRA = re.compile(r"[A-Z]+-[0-9]+")
DEFAULT_DAYS = 30
RENEW_WITHIN_DAYS = 3
MISSING = "Missing required fields: pattern, file, line, jiraReference, owner"

answer = partial(admin, service="exemption-management")


def report(call: Call) -> Reply:
    """Answer the counts of what is listed and active, and what expires soon."""
    return answer(call.now, reports.report(call.world.exemptions, call.now))


def weekly_report(call: Call) -> Reply:
    """Answer the same for people, with recommendations."""
    return answer(call.now, reports.weekly(call.world.exemptions, call.now))


def health(call: Call) -> Reply:
    """Answer whether the system is well: degraded while JIRA cannot be asked."""
    store = call.world.exemptions
    down = store.jira_down
    jira = {"reachable": not down, "lastError": "JIRA answered 503" if down else None}
    status = "degraded" if down else "healthy"
    return answer(
        call.now, {"status": status, "jira": jira, "totalRecords": len(store.seen.records)}
    )


def validate(call: Call) -> Reply:
    """Check the stored records whose file matches one of the given globs, or all."""
    given = call.posted("Failed to validate exemptions", "EXEMPTION_VALIDATION_ERROR")
    globs = given.get("files") or ["*"]
    found = [r for r in call.world.exemptions.seen.records.values() if _matches(r.file, globs)]
    violations = [wrong for record in found for wrong in _violations(record, call.now)]
    checked = {
        "valid": not any(wrong["severity"] == "error" for wrong in violations),
        "totalExemptions": len(found),
        "violations": violations,
        "exemptions": [record.wire() for record in found],
    }
    return answer(call.now, checked)


def validate_nothing(call: Call) -> Reply:
    """Answer valid, as CCT's own handler does: its reading of files is a placeholder."""
    call.posted("Failed to validate exemptions", "EXEMPTION_VALIDATION_ERROR")
    nothing = {"valid": True, "totalExemptions": 0, "violations": [], "exemptions": []}
    return answer(call.now, nothing)


def expired(call: Call) -> Reply:
    """Answer every record whose date is past, marked as expired or not."""
    records = call.world.exemptions.seen.records.values()
    past = [
        record.wire()
        for record in records
        if record.status == "expired" or (record.status == "active" and record.due(call.now))
    ]
    return answer(call.now, {"expired": past, "total": len(past)})


def cleanup(call: Call) -> Reply:
    """Mark what is listed, active and past its date as expired."""
    before = call.world.exemptions.written.records
    after = call.world.exemptions.expired(call.now)
    changed = [record.wire() for key, record in after.items() if record != before[key]]
    if changed:
        call.world.exemptions.write(after, call.effects)
    return answer(call.now, {"expired": changed, "total": len(changed)})


def revalidate(call: Call) -> Reply:
    """Derive every status from its record's date, and write list and counts anew."""
    after = call.world.exemptions.rederived(call.now)
    call.world.exemptions.write(after, call.effects, recount=True)
    invalid = [r.id for r in after.values() if not JIRA.fullmatch(r.jira_reference)]
    return answer(call.now, {"checked": len(after), "invalid": invalid})


def reset(call: Call) -> Reply:
    """Keep what is active, in date and valid; everything else is gone for good."""
    before = call.world.exemptions.written.records
    kept = {
        key: record
        for key, record in before.items()
        if record.status == "active"
        and not record.due(call.now)
        and JIRA.fullmatch(record.jira_reference)
    }
    call.world.exemptions.write(kept, call.effects, recount=True)
    return answer(call.now, {"kept": len(kept), "removed": len(before) - len(kept)})


def create(call: Call) -> Reply:
    """Store a new record; its date may be anything, and 30 days from now if absent."""
    given = call.posted("Failed to create exemption", "EXEMPTION_CREATION_ERROR")
    if not all(given.get(name) for name in ("pattern", "file", "line", "jiraReference", "owner")):
        return error(call.now, 400, MISSING, "MISSING_FIELDS")
    if not JIRA.fullmatch(str(given["jiraReference"])):
        return error(call.now, 400, "Invalid JIRA reference format", "INVALID_JIRA_FORMAT")
    record = Exemption(
        id=str(uuid4()),
        pattern=str(given["pattern"]),
        file=str(given["file"]),
        line=given["line"],
        jira_reference=given["jiraReference"],
        owner=str(given["owner"]),
        expiration_date=given.get("expirationDate") or iso(call.now + DEFAULT_DAYS * DAY_SECONDS),
        created_at=call.now,
        reason=given.get("reason") or "No reason provided",
        auto_renew=bool(given.get("autoRenew")),
    )
    call.world.exemptions.write(
        {**call.world.exemptions.written.records, record.id: record}, call.effects
    )
    return answer(call.now, record.wire(), "Exemption created successfully")


def revoke(call: Call) -> Reply:
    """Revoke a record; the answer is the same when there is none of that id."""
    wanted = call.query.get("id")
    if not wanted:
        return error(call.now, 400, "Exemption ID is required", "MISSING_EXEMPTION_ID")
    records = call.world.exemptions.written.records
    if wanted in records:
        call.world.exemptions.write(
            {**records, wanted: replace(records[wanted], status="revoked")}, call.effects
        )
    return answer(call.now, {"id": wanted}, f"Exemption {wanted} revoked successfully")


def maintenance(call: Call) -> Reply:
    """Renew, clean up, or both; an unknown task is done as nothing and answered 200."""
    given = call.posted("Failed to perform maintenance", "EXEMPTION_MAINTENANCE_ERROR")
    task, results = given.get("task", "all"), {}
    if task in ("auto-renew", "all"):
        call.world.exemptions.write(_renewed(call), call.effects)
        results["autoRenew"] = "completed"
    if task in ("cleanup", "all"):
        call.world.exemptions.write(call.world.exemptions.expired(call.now), call.effects)
        results["cleanup"] = "completed"
    done = {"task": task, "results": results}
    return answer(call.now, done | {"report": reports.report(call.world.exemptions, call.now)})


def _renewed(call: Call) -> Records:
    """Give 30 more days to what renews itself and ends within three."""
    until = call.now + RENEW_WITHIN_DAYS * DAY_SECONDS
    store = call.world.exemptions
    renewed = {
        record.id: replace(
            record, expiration_date=iso((record.expires_at or 0) + DEFAULT_DAYS * DAY_SECONDS)
        )
        for record in store.listed(store.written)
        if record.status == "active" and record.auto_renew and record.due(until)
    }
    return {**store.written.records, **renewed}


def _violations(record: Exemption, now: float) -> Iterable[Json]:
    """List what is wrong with one record."""
    about = {"pattern": record.pattern, "file": record.file, "line": record.line}
    if not JIRA.fullmatch(record.jira_reference):
        reason = f"Invalid JIRA reference {record.jira_reference}"
        yield about | {"reason": reason, "severity": "error"}
    if record.status == "active" and record.due(now):
        yield about | {"reason": f"Expired on {record.expiration_date}", "severity": "warning"}


def _matches(file: str, globs: list[Any]) -> bool:
    """Match as globs do in which ``**/`` may stand for no folder at all."""
    wanted = [str(glob) for glob in globs]
    return any(fnmatch(file, glob) or fnmatch(file, glob.replace("**/", "")) for glob in wanted)


_HANDLERS = {
    "report": Verb(report),
    "weekly-report": Verb(weekly_report),
    "validate": Verb(validate_nothing),
    "create": Verb(create, writes=True),
    "revoke": Verb(revoke, writes=True),
    "maintenance": Verb(maintenance, writes=True),
}
_RUNBOOK_ONLY = {
    "health": Verb(health),
    "validate": Verb(validate),
    "expired": Verb(expired),
    "cleanup": Verb(cleanup, writes=True),
    "revalidate": Verb(revalidate, writes=True),
    "reset": Verb(reset, writes=True),
}
_TITLE = "Exemption management endpoint not found"
# CCT answers an unknown verb of this family with 500, where the canary family says 404.
RUNBOOK = Family(_TITLE, _HANDLERS | _RUNBOOK_ONLY, unknown_status=500, limit=EXEMPTION_LIMIT)
HANDLERS_ONLY = Family(_TITLE, _HANDLERS, unknown_status=500, limit=EXEMPTION_LIMIT)
