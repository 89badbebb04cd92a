"""Requests for approval as playbooks make them, and what the ledger has about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import sqlalchemy as sa
from httpx import Client, Response

from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.gateway.approvals.link_sender import LinkSender
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.approvals import Approval, ApprovalRequirement
from cct_ops.ledger.gate.tables import attempts
from cct_ops.models.base import Frozen
from cct_ops.models.plan import Call, CanaryServes, Plan, Step
from cct_ops.models.run import Evidence, Run, Severity
from cct_ops.sandbox.control import SandboxControl

ROUTE = "/pre-market-briefing"

APPROVERS = Approvers.model_validate(
    {
        "approvers": [
            {
                "id": "anna",
                "name": "Anna Ito",
                "slack_user_id": "U0ANNA",
                "webhook": {"env": "WEBHOOK_ANNA"},
            },
            {
                "id": "ben",
                "name": "Ben Okafor",
                "slack_user_id": "U0BEN",
                "webhook": {"env": "WEBHOOK_BEN"},
            },
        ]
    }
)
CONTACTS = Contacts.model_validate(
    {
        "contacts": [
            {"id": "anna", "webhook": {"env": "PAGES_ANNA"}},
            {"id": "ben", "webhook": {"env": "PAGES_BEN"}},
            {"id": "owner", "webhook": {"env": "PAGES_OWNER"}},
        ]
    }
)


def approver(approver_id: str) -> Approver:
    """Return somebody on the list."""
    found = APPROVERS.by_id(approver_id)
    assert found is not None
    return found


ANNA, BEN = approver("anna"), approver("ben")


class Conclusion(Frozen):
    """A diagnosis with a plan."""

    playbook: str = "auto-rollback"
    target: str = ROUTE
    headline: str = "Auto-rollback pulled the canary of /pre-market-briefing; the breach goes on."
    severity: Severity = Severity.P0
    evidence: tuple[Evidence, ...] = (
        Evidence(
            source="canary/status",
            observed="0 % of traffic, disabled 10 minutes ago by auto-rollback",
            meaning="The canary serves nobody; stable serves everything.",
        ),
        Evidence(
            source="slo/violations",
            observed="p95 latency 6200 ms, objective 5000 ms, still going on",
            meaning="Putting the canary back now may hurt users again.",
        ),
    )
    plan: Plan | None = None


def plan(share: float = 20, *, reversible: bool = True) -> Plan:
    """Plan to put a canary back to this share."""
    return Plan(
        playbook="auto-rollback",
        target=ROUTE,
        summary=f"Put the canary of {ROUTE} back to {share:g} % of traffic",
        blast_radius=f"The {share:g} % of {ROUTE} that the canary serves; stable keeps serving.",
        steps=(
            Step(
                call=Call(method="reset_canary", arguments={"route": ROUTE}),
                undo=Call(method="disable_canary", arguments={"route": ROUTE})
                if reversible
                else None,
            ),
        ),
        steady_state=CanaryServes(
            p95_latency_ms=5000,
            error_rate_percent=2,
            availability_percent=99,
            min_samples=50,
            watch_seconds=300,
        ),
        state={"canary_percent": 0, "configured_percent": share},
        needs_person="The breach that pulled the canary is still going on.",
    )


def new_run(run_id: UUID | None = None, incident_id: UUID | None = None) -> Run:
    """Name a run of the playbook."""
    return Run(
        id=run_id or uuid4(), name="a-run", playbook="auto-rollback", incident_id=incident_id
    )


def asked(
    engine: sa.Engine, run: Run | None = None, wanted: Plan | None = None, **requirement: Any
) -> Approval:
    """Ask for approval as a run does."""
    the_plan = wanted or plan()
    values = {"why": "The breach is still going on.", "seconds": 900} | requirement
    approval, _ = approvals.request(
        engine,
        Conclusion(plan=the_plan),
        the_plan,
        run or new_run(),
        ApprovalRequirement.model_validate(values),
    )
    return approval


def state(engine: sa.Engine, approval: Approval) -> str:
    """Return where the request stands."""
    found = approvals.find(engine, approval.id)
    assert found is not None
    return found.state.value


def refusals(engine: sa.Engine) -> list[str]:
    """Return why attempts were refused, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(attempts.c.reason)
            .where(attempts.c.verdict == "refused")
            .order_by(attempts.c.id)
        )
        return [str(reason) for reason in rows.scalars()]


@dataclass(frozen=True)
class Door:
    """A browser at the gateway's door, with the post that approvers get."""

    browser: Client
    link_sender: LinkSender
    sandbox: SandboxControl

    def link_of(self, person: Approver = ANNA) -> str:
        """Send the links that are due, and return the path of the person's own."""
        self.link_sender.send()
        return posted_link(self.sandbox, person)

    def post(self, path: str, approval: Approval, decision: str, **more: str) -> Response:
        """Press a button of the page."""
        form = {"decision": decision, "digest": approval.plan_digest} | more
        return self.browser.post(path, data=form)


def posted_link(sandbox: SandboxControl, person: Approver) -> str:
    """Return the path of the newest link that the person got."""
    sent = [
        message.body["blocks"][0]["text"]["text"]
        for message in sandbox.slack_messages()
        if message.path == f"/slack/{person.id}"
    ]
    links = [re.findall(r"<(\S+)\|", text)[0] for text in sent]
    return urlsplit(str(links[-1])).path
