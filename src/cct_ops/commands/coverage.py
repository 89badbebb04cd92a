"""``cct-ops coverage``: what of a runbook is software."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cct_ops.commands.options import Json


def coverage(
    runbook_file: Annotated[Path, Parameter(help="The runbook, as Markdown.")],
    *,
    mapping: Annotated[Path | None, Parameter(help="docs/coverage.yaml by default.")] = None,
    as_json: Json = False,
) -> int:
    """
    Show for each command, option and check of a runbook what does it.

    Automated, gated (automated behind approval), or human with the reason. Fails when anything is
    unmapped, not there yet, or mapped and no longer as it was.
    """
    from cct_ops.coverage import console

    return console.show(runbook_file, mapping, as_json=as_json)
