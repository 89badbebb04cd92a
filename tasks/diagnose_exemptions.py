"""Probes of the exemption system, and what its playbooks conclude from them."""

from __future__ import annotations

from cct_ops.clients import first_looks
from cct_ops.clients.reader import CctReader
from cct_ops.diagnoses.exemption_cleanup import CleanupDiagnosis
from cct_ops.diagnoses.exemption_failure import ExemptionDiagnosis, Fix
from cct_ops.diagnoses.exemption_weekly import AlertLevel, WeeklyDiagnosis
from cct_ops.diagnoses.exemptions import ExemptionFindings
from cct_ops.errors import OpsError
from cct_ops.models.github import Issue
from cct_ops.reports.exemptions import issue_body
from tasks.connections import github_reader
from tasks.data_checks import reconcile
from tasks.diagnose import cct_probe, probe, watch_seconds

probe_exemption_health = cct_probe("probe_exemption_health", first_looks.exemption_health)
probe_exemption_validation = cct_probe("probe_exemption_validation", CctReader.validate_exemptions)
probe_exemption_report = cct_probe("probe_exemption_report", CctReader.exemption_report)
probe_weekly_report = cct_probe("probe_weekly_report", CctReader.exemption_weekly_report)
probe_expired = cct_probe("probe_expired", CctReader.expired_exemptions)


def look_at_exemptions() -> ExemptionFindings:
    """Look at everything that the exemption system shows, at about one moment."""
    health = probe_exemption_health.submit()
    validation = probe_exemption_validation.submit()
    report = probe_exemption_report.submit()
    weekly = probe_weekly_report.submit()
    expired = probe_expired.submit()
    for each in (health, validation, report, weekly, expired):
        each.wait()  # none is left behind when one fails
    return ExemptionFindings(
        health=health.result(),
        validation=validation.result(),
        report=report.result(),
        weekly=weekly.result(),
        expired=expired.result(),
    )


def diagnose_cleanup() -> CleanupDiagnosis:
    """Find the exemptions that are active past their date."""
    return CleanupDiagnosis.of(look_at_exemptions(), watch_seconds())


def diagnose_exemptions(fix: Fix) -> ExemptionDiagnosis:
    """Find out what is wrong with the exemption system, data checks included."""
    found = look_at_exemptions()
    return ExemptionDiagnosis.of(found, reconcile(found), fix, watch_seconds())


@probe
def probe_issue(title: str) -> Issue | None:
    """Read whether there is an issue of this title already."""
    with github_reader() as github:
        return github.issue(title)


def diagnose_week() -> WeeklyDiagnosis:
    """Judge the week's numbers, and see whether there is an issue about them."""
    found = look_at_exemptions()
    diagnosis = WeeklyDiagnosis.of(found)
    if diagnosis.level is AlertLevel.OK or found.doubt is not None:
        return diagnosis
    try:
        known = probe_issue(diagnosis.title)
    except OpsError as error:  # the report is made without GitHub, too
        return diagnosis.without_issue(str(error))
    return diagnosis.with_issue(known, issue_body(diagnosis))
