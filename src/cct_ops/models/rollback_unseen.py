"""
What can be said of a canary by its status alone.

A CCT with only its own handlers keeps no rollback history and monitors no objectives: it shows that
a canary is off, neither why nor whether it would serve well again. So nothing is planned there.
"""

from __future__ import annotations

from cct_ops.models.cct import CanaryConfig, Health, Route
from cct_ops.models.outcome import Evidence, Outcome, Severity
from cct_ops.models.rollback import Cause, RollbackDiagnosis, canary_evidence
from cct_ops.models.rollback_plan import Option

_NOT_DONE = {
    Option.RESTORE: (
        "It was not put back, as nothing would show that it serves well; who knows that it does"
        " can put it back by canary/enable, with the route and its share."
    ),
    Option.RAISE_THRESHOLDS: "Its thresholds are constants, which nothing can raise.",
    Option.DISABLE_AUTO_ROLLBACK: "Its auto-rollback has no switch.",
    Option.REDEPLOY: "So nothing was deployed either.",
}


def by_status_alone(
    target: Route,
    config: CanaryConfig,
    health: Health,
    missing: dict[str, str],
    option: Option,
) -> RollbackDiagnosis:
    """Conclude where CCT lacks these endpoints, each with its own words for that."""
    serves = config.serves
    lacks = f"this CCT does not offer {', '.join(sorted(missing))}"
    if serves:
        headline = f"The canary of {target} takes traffic; how it serves is unknown: {lacks}."
    else:
        headline = f"The canary of {target} takes no traffic, and why is unknown: {lacks}."
    idle = serves and not option.weakens
    return RollbackDiagnosis(
        target=target,
        cause=Cause.SERVING if serves else Cause.UNKNOWN,
        cause_gone=None,
        headline=headline if idle else f"{headline} {_NOT_DONE[option]}",
        severity=Severity.P2,
        evidence=(
            canary_evidence(config),
            *(
                Evidence(source=path, observed="not offered", meaning=words)
                for path, words in sorted(missing.items())
            ),
            Evidence(source="data/health", observed=health.status, meaning="CCT answers."),
        ),
        plan=None,
        outcome=Outcome.NOTHING_TO_DO if idle else Outcome.BLOCKED,
    )
