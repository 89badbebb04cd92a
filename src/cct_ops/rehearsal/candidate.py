"""An environment of its own with another Prefect in it, beside everything else as it is here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.variables import harmless

REHEARSED = "cct-ops-rehearsed"
"""The file in an environment's folder that names the Prefect which is taken for tried in it."""

_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,40}")
_ALL_VERSIONS = re.compile(r" \(from versions: [^)]*\)")
_INSTALL_SECONDS = 900.0
_SHOWN_LINES = 3


@dataclass(frozen=True)
class Candidate:
    """The environment: its Python, and what was noted on the way to it."""

    python: Path
    notes: tuple[str, ...] = ()


@contextmanager
def prepared(version: str) -> Iterator[Candidate]:
    """
    Install this Prefect from the package registry that pip is set up for, and throw it away later.

    Raises ``BadConfiguration`` for what is no version, and ``Unavailable`` where it is not had.
    """
    if not _VERSION.fullmatch(version):
        raise BadConfiguration(f"{version} is no version of Prefect: name one such as 3.8.8")
    with TemporaryDirectory(prefix="cct-ops-rehearsal-") as name:
        folder = Path(name)
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], "The environment")
        python = folder / "bin" / "python"
        notes = _install(python, folder, version)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        # what it lacks is found where this Python finds it; its own comes first
        here = sysconfig.get_path("purelib")
        (site / "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        (folder / REHEARSED).write_text(version)
        yield Candidate(python, notes)


def _install(python: Path, folder: Path, version: str) -> tuple[str, ...]:
    """Install it with its dependencies as they are installed here, if it takes those."""
    pinned = folder / "constraints.txt"
    pinned.write_text("\n".join(_installed()))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-input", f"prefect=={version}"]
    try:
        _run([*pip, "--constraint", str(pinned)], f"Prefect {version}")
    except Unavailable:
        _run(pip, f"Prefect {version}")
        return ("It wants other versions of its dependencies than are installed here.",)
    return ()


def _installed() -> Iterator[str]:
    from importlib.metadata import distributions

    for each in distributions():
        name = each.metadata["Name"]
        if name and name.lower() not in {"prefect", "cct-ops"} and "+" not in each.version:
            yield f"{name}=={each.version}"


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 -- the command line is made here
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_SECONDS,
            env={**harmless(os.environ), **_of_pip()},
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{what} could not be installed within {_INSTALL_SECONDS:g} s") from None
    if done.returncode != 0:
        lines = [each for each in done.stderr.splitlines() if each.startswith("ERROR")]
        words = " ".join((lines or done.stderr.splitlines())[-_SHOWN_LINES:])
        words = _ALL_VERSIONS.sub("", words)
        raise Unavailable(
            f"{what} could not be installed: {words or 'pip said nothing'}. pip takes it from the"
            " package registry that it is set up for, which has to be reached and to have it"
        )


def _of_pip() -> dict[str, str]:
    """Return what pip is set up with."""
    kept = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "REQUESTS_")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)}
