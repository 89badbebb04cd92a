"""What a fork server makes once, where each of its processes would make it again."""

from __future__ import annotations

from cct_ops.clients.transport import authorities
from cct_ops.reports.render import compile_templates
from cct_ops.worker.spared import share_authorities


def prepare() -> None:
    """Compile the templates of reports and load the certificate authorities."""
    compile_templates()
    authorities()
    share_authorities()
