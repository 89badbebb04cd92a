"""
Preloading of a fork server: before it forks, it imports what runs would import.

That is what Prefect and its libraries import only when it is used, the flows with all that they
import, and what those modules import inside their functions: their reason for being lazy, the time
it takes, is no reason here. Three libraries are left to the few runs that use them.
"""

from __future__ import annotations

import ast
import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect.flows import Flow, load_flow_from_entrypoint
from pydantic import BaseModel

import cct_ops
from cct_ops import tracing
from cct_ops.clients.connection import authorities
from cct_ops.reports.render import compile_templates
from cct_ops.worker.prefect_patches import keep_validators, share_authorities

_LAZY = (
    "anyio._backends._asyncio",
    "encodings.idna",
    "prefect.artifacts",
    "prefect.blocks.core",
    "prefect.client.subscriptions",
    "prefect.events.clients",
    "prefect.events.worker",
    "prefect.filesystems",
    "prefect.task_engine",
    "prefect.task_runners",
    "prefect.task_worker",
    "prefect.utilities.visualization",
    "psycopg",
    "rich._emoji_codes",
    "rich.table",
    "rich.traceback",
    "sqlalchemy.dialects.postgresql.psycopg",
    "websockets.asyncio.client",
    "websockets.legacy.client",
)

# As large as all the rest together (130 MB, and more than half of the time that loading takes), for
# checks of two playbooks: their runs import them themselves, in 2.5 s. What they bring along, too.
_LEFT_OUT = frozenset({"great_expectations", "pandas", "pyarrow"})

_log = logging.getLogger("prefect.worker.warm")

Flows = dict[str, Flow[Any, Any]]


def prepare() -> None:
    """Make once, before flows are loaded, what each forked process would make again."""
    compile_templates()
    authorities()
    share_authorities()
    keep_validators()


def preload(project: Path) -> Flows:
    """Import everything and return the flows by their entrypoints; what is broken is logged."""
    for name in _LAZY:
        _import(name)
    flows: Flows = {}
    left_out = _LEFT_OUT if tracing.enabled() else {*_LEFT_OUT, "opentelemetry"}
    for path in sorted((project / "flows").glob("[!_]*.py")):
        entrypoint = f"flows/{path.name}:{path.stem}"
        try:
            flows[entrypoint] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        except Exception:  # noqa: BLE001 -- one broken playbook must not keep the others cold
            _log.exception("%s cannot be loaded: its runs will fail.", entrypoint)
    for source in _our_sources(project):
        for name in _imported_in_functions(source):
            if name not in sys.modules and name.partition(".")[0] not in left_out:
                _import(name)
    _complete(BaseModel)
    return flows


def _complete(model: type[BaseModel]) -> None:
    """Build the validators that Pydantic leaves until they are used."""
    for each in model.__subclasses__():
        _complete(each)
        if not each.__pydantic_complete__:
            each.model_rebuild(raise_errors=False)  # what it lacks it may be given later


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:  # a run that needs it fails with the same message
        _log.warning("%s is not preloaded: %s", name, error)


def _our_sources(project: Path) -> list[Path]:
    """Return the files of the loaded modules that are of this project."""
    ours = (project.resolve(), Path(cct_ops.__file__).parent)
    loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    files = {Path(file) for file in loaded if file and "site-packages" not in file}
    return sorted(file for file in files if any(file.is_relative_to(root) for root in ours))


def _imported_in_functions(source: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(source.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module
