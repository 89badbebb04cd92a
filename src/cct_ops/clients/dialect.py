"""
Which of its dialects a CCT speaks, found out by asking for what only one of them has.

The runbook's dialect has every endpoint that the runbook names. A CCT that merely mounts its own
admin handlers has fewer and other ones, some of which do the same job. See docs/cct-api.md.
"""

from __future__ import annotations

from cct_ops.clients.transport import CctTransport
from cct_ops.errors import Unsupported

# Of each family, one endpoint that its mounted handlers do not know.
_ONLY_IN_RUNBOOK = {"canary": "canary/rollbacks", "exemptions": "exemptions/health"}


def mounted(transport: CctTransport, family: str) -> bool:
    """
    Say whether this CCT has only its own handlers for the family.

    Raises ``Unsupported`` when it does not have the family at all.
    """
    try:
        transport.read(_ONLY_IN_RUNBOOK[family])
    except Unsupported as missing:
        if missing.family:
            raise
        return True
    return False
