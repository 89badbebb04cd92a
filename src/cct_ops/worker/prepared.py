"""What a fork server makes once, where each of its processes would make it again."""

from __future__ import annotations

from cct_ops.clients.egress import authorities
from cct_ops.reports.render import compile_templates
from cct_ops.worker.prefect_patches import keep_validators, share_authorities


def prepare() -> None:
    """Make it; flows are loaded after that."""
    compile_templates()
    authorities()
    share_authorities()
    keep_validators()
