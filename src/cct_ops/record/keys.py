"""The key that signs the log's checkpoints: a file outside the database, for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cct_ops.errors import BadConfiguration
from cct_ops.record.notes import Signer

KEY = "log.key"


def keep_key(folder: Path) -> None:
    """Make the log's key in this folder, where there is none yet."""
    path = folder / KEY
    if path.exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The name tells the logs of several stacks apart; nobody has to be asked for it.
    signer = Signer.new(f"cct-ops.log/{secrets.token_hex(4)}")
    # written aside and moved into place: after a kill it is there whole or not at all
    draft = path.with_name(f"{KEY}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        file.write(f"{signer}\n")
    draft.replace(path)


def read_key(folder: Path) -> Signer:
    """Read the log's key; raises ``BadConfiguration`` where others could read it as well."""
    path = folder / KEY
    try:
        found, text = path.stat(), path.read_text()
    except OSError as error:
        raise BadConfiguration(f"the log's key cannot be read: {path}: {error.strerror}") from None
    # Kubernetes and systemd hand it over as root's, readable by a group or a list that is ours.
    handed_over = found.st_uid != os.getuid()
    if found.st_mode & (0o007 if handed_over else 0o077):
        raise BadConfiguration(f"others can read the log's key: `chmod 600 {path}`")
    return Signer.parse(text)
