"""
Secrets in files, as Docker, Kubernetes and systemd hand them out: one file, one variable.

A variable of a process stands in the description of its container, and whoever may list containers
reads it; a mounted file is for the process alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from cct_ops.errors import BadConfiguration
from cct_ops.variables import said, say_unless_said

FOLDER = "CCT_OPS_SECRETS_PATH"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")  # other files there are keys that settings name by path


def adopt() -> None:
    """Set what the files say, but for what is set already. Raises ``BadConfiguration``."""
    folder = said(FOLDER)
    if folder is None:
        return
    try:
        files = [path for path in Path(folder).iterdir() if _VARIABLE.fullmatch(path.name)]
        for path in files:
            say_unless_said(path.name, path.read_text().strip())
    except UnicodeDecodeError:
        raise BadConfiguration(f"{path} is not text: write the secret alone into it") from None
    except OSError as error:
        raise BadConfiguration(
            f"{error.filename} cannot be read ({error.strerror}): {FOLDER} names a folder of"
            " files named like the variables that they set"
        ) from None
