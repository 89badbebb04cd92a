"""A witness in a git repository: each checkpoint is a commit, pushed to where the branch goes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cct_ops.errors import BadConfiguration, Unavailable

FILE = "witness.jsonl"

_SECONDS = 60
_AUTHOR = ("-c", "user.name=cct-ops", "-c", "user.email=cct-ops@localhost.invalid")
# Nobody is there who could answer what git asks.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}


def publish(repository: Path) -> None:
    """
    Commit what was appended, and push it where the branch has an upstream.

    Raises ``BadConfiguration`` where it cannot be committed and ``Unavailable`` where it cannot be
    pushed; the next call brings after what is left.
    """
    _git(repository, "add", "--", FILE)
    if _git(repository, "status", "--porcelain", "--", FILE):
        _git(repository, *_AUTHOR, "commit", "--quiet", "--message", "A checkpoint", "--", FILE)
    if _upstream(repository) and _git(repository, "log", "--oneline", "@{upstream}..HEAD"):
        try:
            _git(repository, "push", "--quiet")
        except BadConfiguration as error:
            raise Unavailable(str(error)) from None


def published(repository: Path) -> bytes:
    """Return what was pushed, or what was committed where there is nowhere to push."""
    ref = "@{upstream}" if _upstream(repository) else "HEAD"
    return _git(repository, "show", f"{ref}:{FILE}").encode()


def _upstream(repository: Path) -> bool:
    try:
        _git(repository, "rev-parse", "--verify", "--quiet", "@{upstream}")
    except BadConfiguration:
        return False
    return True


def _git(repository: Path, *words: str) -> str:
    command = ["git", "-C", str(repository), *words]
    try:
        ended = subprocess.run(  # noqa: S603 -- words of ours, and no shell
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={**os.environ, **_QUIET},
        )
    except FileNotFoundError:
        raise BadConfiguration(
            "the log's witness is a git repository, and there is no git"
        ) from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git did not end within {_SECONDS} s in {repository}") from None
    if ended.returncode:
        said = " ".join(ended.stderr.split()) or f"it ended with {ended.returncode}"
        raise BadConfiguration(f"the log's witness {repository}: git {words[0]}: {said}")
    return ended.stdout
