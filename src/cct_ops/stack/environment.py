"""
The environment of a running stack, kept beside its data so that commands in other shells find it.

It holds secrets (the ledger's password, CCT's key), so it is for its owner alone, and it goes when
the stack stops.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cct_ops.errors import BadConfiguration
from cct_ops.stack.config import StackConfig, project_of
from cct_ops.variables import OURS, said, say_unless_said

_KEPT = (*OURS, "OTEL_", "NO_PROXY", "no_proxy")


@contextmanager
def kept(data: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Keep the environment of the stack whose data is in the folder, while the block lasts."""
    path = _file(data)
    ours = {name: value for name, value in env.items() if name.startswith(_KEPT)}
    path.touch(mode=0o600)
    path.write_text(json.dumps(ours, indent=2) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def adopt(data: Path | None = None) -> None:
    """
    Take over the environment of the stack that runs here, if no ledger was named.

    That of the stack on ``data``, if these are named, goes before whatever is set. Raises
    ``BadConfiguration`` where none runs on them.
    """
    if data is not None:
        _adopt_from(data)
        return
    if said("CCT_OPS_DATABASE_URL"):
        return
    data = data_here()
    if data is not None and _file(data).is_file():
        say_unless_said("CCT_OPS_DATA", str(data))
        for name, value in json.loads(_file(data).read_text()).items():
            say_unless_said(name, value)


def data_here() -> Path | None:
    """Return the data folder of the stack that is meant here; None where no project is."""
    if named := said("CCT_OPS_DATA"):
        return Path(named)
    try:
        return StackConfig.usual_data(project_of(Path.cwd()))
    except BadConfiguration:
        return None


def _adopt_from(data: Path) -> None:
    try:
        kept_there = json.loads(_file(data).read_text())
    except FileNotFoundError:
        raise BadConfiguration(
            f"no stack runs on {data}: start one with `cct-ops up --data {shlex.quote(str(data))}`"
        ) from None
    except OSError as error:
        raise BadConfiguration(f"{data}: {error.strerror}") from None
    except ValueError:
        raise BadConfiguration(f"{_file(data)} cannot be read: start its stack anew") from None
    os.environ.update(kept_there, CCT_OPS_DATA=str(data.absolute()))


def _file(data: Path) -> Path:
    return data / "environment.json"
