"""``cct-ops completion``."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="For which shell.")],
) -> int:
    """
    Print what lets a shell complete our commands and their options.

    For bash: `cct-ops completion bash > ~/.local/share/bash-completion/completions/cct-ops`, and
    then open a new shell.
    """
    from cct_ops.cli import app

    sys.stdout.write(app.generate_completion(shell=shell))
    return 0
