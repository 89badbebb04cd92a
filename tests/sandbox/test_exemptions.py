"""The exemption family: what is counted, how the counts go wrong, and what puts them right."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault, SeedExemption
from tests.sandbox.wire import payload

DAY = 24 * 3600
OVERDUE = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=-2)
SOON = SeedExemption(jira_reference="OPS-2", owner="bob", days_left=5)
LATER = SeedExemption(jira_reference="OPS-3", owner="bob", days_left=90, pattern="no-eval")
WRONG = SeedExemption(jira_reference="ops-4", owner="carol", days_left=90)
NEW = {"pattern": "p", "file": "src/a.ts", "line": 3, "jiraReference": "OPS-9", "owner": "dan"}


def report(cct: httpx.Client) -> Any:
    """Read the report."""
    return payload(cct.get("exemptions/report"))


def test_the_report_counts_what_is_active(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Whatever is past its date and not cleaned up still counts, and heads the upcoming ones."""
    sandbox.exemptions(SOON, OVERDUE, LATER, SeedExemption(status="expired"))

    seen = report(cct)

    assert (seen["totalActive"], seen["totalExpired"]) == (3, 1)
    assert [r["jiraReference"] for r in seen["upcomingExpirations"]] == ["OPS-1", "OPS-2"]
    assert seen["byOwner"] == {"bob": 2, "alice": 1}
    assert seen["byPattern"] == {"no-any": 2, "no-eval": 1}


def test_the_list_is_lost_after_a_day(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """The report falls to zero, silently, while every record is still there; revalidation heals."""
    sandbox.exemptions(SOON, LATER)
    sandbox.advance_clock(DAY)

    assert report(cct)["totalActive"] == 0
    assert sandbox.state().exemptions.list_lost
    assert payload(cct.post("exemptions/validate", json={}))["totalExemptions"] == 2
    assert payload(cct.post("exemptions/cleanup"))["total"] == 0

    cct.post("exemptions/revalidate")
    assert report(cct)["totalActive"] == 2


def test_the_weekly_report_recommends(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Above 10 active, 5 upcoming, 3 of one owner and 5 of one pattern it says so."""
    sandbox.exemptions(*[SOON] * 11)

    seen = payload(cct.get("exemptions/weekly-report"))

    assert seen["summary"]["upcomingExpirations"] == 11
    assert seen["upcomingExpirations"][0]["daysUntilExpiration"] == 5
    assert seen["byOwner"] == [{"owner": "bob", "count": 11}]
    assert len(seen["recommendations"]) == 4


def test_cleanup_marks_what_is_due(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Nothing is deleted, and the second time there is nothing to do."""
    sandbox.exemptions(OVERDUE, SOON)

    (expired,) = payload(cct.post("exemptions/cleanup"))["expired"]

    assert (expired["jiraReference"], expired["status"]) == ("OPS-1", "expired")
    assert sandbox.state().exemptions.statuses() == {"OPS-1": "expired", "OPS-2": "active"}
    assert payload(cct.post("exemptions/cleanup"))["total"] == 0


def test_a_hasty_cleanup_is_put_right_by_revalidation(
    cct: httpx.Client, sandbox: SandboxControl
) -> None:
    sandbox.exemptions(OVERDUE, SOON, hasty_days=10)

    cct.post("exemptions/cleanup")
    assert sandbox.state().exemptions.statuses() == {"OPS-1": "expired", "OPS-2": "expired"}
    cct.post("exemptions/revalidate")
    assert sandbox.state().exemptions.statuses() == {"OPS-1": "expired", "OPS-2": "active"}


def test_validation_names_what_is_wrong(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.exemptions(OVERDUE, WRONG, SeedExemption(file="lib/x.js", jira_reference="bad"))

    seen = payload(cct.post("exemptions/validate", json={"files": ["src/**/*.ts"]}))

    assert (seen["valid"], seen["totalExemptions"]) == (False, 2)
    assert [wrong["severity"] for wrong in seen["violations"]] == ["warning", "error"]
    assert cct.post("exemptions/validate").status_code == 500


def test_reset_keeps_only_what_is_good(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.exemptions(OVERDUE, WRONG, LATER, count_drift=7)

    assert payload(cct.post("exemptions/reset")) == {"kept": 1, "removed": 2}
    assert sandbox.state().exemptions.statuses() == {"OPS-3": "active"}
    assert report(cct)["totalActive"] == 1


def test_expired_lists_what_is_past_its_date(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """Marked or not; what is not marked is the cleanup's work."""
    sandbox.exemptions(OVERDUE, SOON, SeedExemption(status="expired", days_left=-9))

    seen = payload(cct.get("exemptions/expired"))

    assert [record["status"] for record in seen["expired"]] == ["active", "expired"]


@pytest.mark.parametrize("jira_down", [True, False])
def test_health_knows_about_jira(
    cct: httpx.Client, sandbox: SandboxControl, *, jira_down: bool
) -> None:
    sandbox.exemptions(jira_down=jira_down)

    seen = payload(cct.get("exemptions/health"))

    assert seen["status"] == ("degraded" if jira_down else "healthy")
    assert seen["jira"]["reachable"] is not jira_down


def test_creating_and_revoking(cct: httpx.Client, sandbox: SandboxControl) -> None:
    """200, not 201; a wrong reference is refused, an unknown id is not."""
    made = payload(cct.post("exemptions/create", json=NEW))
    assert (made["status"], made["owner"]) == ("active", "dan")
    wrong = cct.post("exemptions/create", json=NEW | {"jiraReference": "ops-1"})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "INVALID_JIRA_FORMAT")
    few = cct.post("exemptions/create", json={"pattern": "p"})
    assert few.json()["error_code"] == "MISSING_FIELDS"

    assert cct.delete("exemptions/revoke", params={"id": "unknown"}).status_code == 200
    assert cct.delete("exemptions/revoke").json()["error_code"] == "MISSING_EXEMPTION_ID"
    cct.delete("exemptions/revoke", params={"id": made["id"]})
    assert sandbox.state().exemptions.statuses() == {"OPS-9": "revoked"}


def test_a_dropped_write_stores_nothing(cct: httpx.Client, sandbox: SandboxControl) -> None:
    sandbox.exemptions(OVERDUE)
    sandbox.faults(Fault(drop_writes=True))

    assert cct.post("exemptions/cleanup").status_code == 200
    assert sandbox.state().exemptions.statuses() == {"OPS-1": "active"}


class TestMounted:
    """What CCT's own handlers answer once they are mounted."""

    @pytest.fixture(autouse=True)
    def handlers_only(self, sandbox: SandboxControl) -> None:
        """The handlers-only dialect with one overdue record."""
        sandbox.reset(dialect="handlers-only")
        sandbox.exemptions(OVERDUE, WRONG)

    @pytest.mark.parametrize("verb", ["health", "expired", "cleanup", "revalidate", "reset"])
    def test_what_only_the_runbook_names_is_500(self, cct: httpx.Client, verb: str) -> None:
        """Of all codes 500, which must not be taken for a fault of the server."""
        response = cct.post(f"exemptions/{verb}")

        assert (response.status_code, response.json()["error_code"]) == (500, "ENDPOINT_NOT_FOUND")
        endpoints = response.json()["error_details"]["available_endpoints"]
        assert "/api/v1/exemptions/maintenance" in endpoints

    def test_validation_finds_nothing_ever(self, cct: httpx.Client) -> None:
        """Whatever is stored."""
        seen = payload(cct.post("exemptions/validate", json={}))

        assert (seen["valid"], seen["totalExemptions"]) == (True, 0)

    def test_cleanup_is_a_maintenance_task(
        self, cct: httpx.Client, sandbox: SandboxControl
    ) -> None:
        """It answers with the new report."""
        done = payload(cct.post("exemptions/maintenance", json={"task": "cleanup"}))

        assert done["results"] == {"cleanup": "completed"}
        assert done["report"]["totalExpired"] == 1
        assert sandbox.state().exemptions.statuses()["OPS-1"] == "expired"

    def test_an_unknown_task_is_done_as_nothing(self, cct: httpx.Client) -> None:
        """And answered 200 all the same."""
        response = cct.post("exemptions/maintenance", json={"task": "dance"})

        assert (response.status_code, payload(response)["results"]) == (200, {})

    @pytest.mark.parametrize("verb", ["reset", "promote", "rollbacks", "config"])
    def test_the_canary_has_five_verbs(self, cct: httpx.Client, verb: str) -> None:
        """An unknown one is 404 here, and disable asks for its route."""
        assert cct.post(f"canary/{verb}").json()["error_code"] == "ENDPOINT_NOT_FOUND"
        assert cct.post("canary/disable").json()["error_code"] == "MISSING_ROUTE"
        assert cct.get("canary/status").status_code == 200
