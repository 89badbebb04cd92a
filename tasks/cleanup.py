"""Actions on exemptions, and how their sum is verified."""

from __future__ import annotations

from cct_ops.actions.exemptions import ExpireExemptions, ResetExemptions, RevalidateExemptions
from cct_ops.clients.reader import CctReader
from cct_ops.diagnoses.exemptions import judge
from cct_ops.models.plan import ExemptionsConsistent
from cct_ops.models.verification import Verification
from tasks.acting import action

expire_exemptions = action(ExpireExemptions)
revalidate_exemptions = action(RevalidateExemptions)
reset_exemptions = action(ResetExemptions)


def exemptions_consistent(steady: ExemptionsConsistent, cct: CctReader) -> Verification:
    """Test the exemption report: what it says, what the weekly one says, and the records."""
    return judge(
        steady, cct.exemption_report(), cct.exemption_weekly_report(), cct.validate_exemptions()
    )
