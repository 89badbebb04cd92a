"""
The digest of what a playbook concludes with: its flow, and the tasks, diagnoses and actions of it.

Its conclusions cannot be replayed, because the answers that probes got are not kept. But that they
may be other ones now can be said. Of a module of tasks only what the playbook uses counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cct_ops.controller import playbooks
from cct_ops.models.base import digest

_WHOLE = ("cct_ops.diagnoses.", "cct_ops.actions.")
_BY_NAME = "tasks."


class _Part(NamedTuple):
    """A module, or one name that is defined in it."""

    path: Path
    name: str | None = None


class _Module(NamedTuple):
    """What a module defines, by name, and where its other names are from."""

    body: list[ast.stmt]
    defined: Mapping[str, ast.stmt]
    imported: Mapping[str, tuple[str, str]]


def digests(routes: Path) -> Mapping[str, str]:
    """Return the digest for each playbook of the prefect.yaml that these routes are checked by."""
    registry = playbooks.beside(routes)
    if registry is None:
        return {}
    root = registry.parent
    return {
        name: digest(sorted(_code(root, root / file)))
        for name, deployment in playbooks.read(registry).items()
        if (root / (file := deployment.entrypoint.partition(":")[0])).is_file()
    }


def _code(root: Path, flow: Path) -> Iterator[str]:
    """Yield the code of the flow and of all that concludes for it; comments and lines are none."""
    waiting, done = [_Part(flow)], set[_Part]()
    while waiting:
        part = waiting.pop()
        if part in done or not part.path.is_file():
            continue
        done.add(part)
        module = _read(part.path)
        node = None if part.name is None else module.defined.get(part.name)
        nodes = module.body if part.name is None else [node] if node else []
        yield " ".join([str(part.path.relative_to(root)), *map(_dumped, nodes)])
        for each in nodes:
            waiting += _used(root, part, module, each)


def _used(root: Path, part: _Part, module: _Module, node: ast.stmt) -> Iterator[_Part]:
    """Yield what a piece of code uses of its own module and of others that conclude."""
    for each in ast.walk(node):
        if not isinstance(each, ast.Name):
            continue
        if each.id in module.defined and part.name is not None:
            yield _Part(part.path, each.id)
        source, name = module.imported.get(each.id, ("", ""))
        if f"{source}.".startswith(_WHOLE):
            yield _Part(_place(root / "src", source))
            yield _Part(_place(root / "src", f"{source}.{name}"))
        elif source.startswith(_BY_NAME):
            yield _Part(_place(root, source), name)


def _place(root: Path, module: str) -> Path:
    return root / f"{module.replace('.', '/')}.py"


@cache
def _dumped(node: ast.stmt) -> str:
    return ast.dump(node)


@cache
def _read(path: Path) -> _Module:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    defined: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str]] = {}
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                defined[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                defined[name] = node
            case ast.ImportFrom(module=str(source), names=names):
                imported |= {each.asname or each.name: (source, each.name) for each in names}
            case _:
                pass
    return _Module(body, defined, imported)
