"""The parameters of the playbooks in prefect.yaml, to check the rules that start them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import BaseModel, Field

from cct_ops.config import yaml_files
from cct_ops.errors import BadConfiguration


class Deployment(BaseModel):
    """One entry, as far as rules depend on it."""

    name: str
    entrypoint: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)


class _Registry(BaseModel):
    deployments: list[Deployment]


@dataclass(frozen=True)
class Signature:
    """The parameters of a playbook's flow, and those that have no default."""

    names: tuple[str, ...]
    required: frozenset[str]


def read(registry: Path) -> dict[str, Deployment]:
    """Return the deployments by their names."""
    known = yaml_files.load(registry, _Registry).deployments
    return {each.name: each for each in known}


def beside(path: Path) -> Path | None:
    """Return the prefect.yaml that a file of deployments/ is about; None if it is elsewhere."""
    registry = path.resolve().parent.parent / "prefect.yaml"
    return registry if registry.is_file() else None


def unknown(place: str, name: str, known: Iterable[str]) -> BadConfiguration:
    """Return the error for the name of a playbook that prefect.yaml does not have."""
    return BadConfiguration(
        f"{place}: there is no playbook {name} in prefect.yaml; known are"
        f" {', '.join(sorted(known))}."
    )


def signature(root: Path, deployment: Deployment) -> Signature | None:
    """Return what the flow takes, read without running it; None if it is not at its place."""
    file, _, name = deployment.entrypoint.partition(":")
    path = root / file
    if not name or not path.is_file():
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _of_function(node, deployment)
    return None


def _of_function(node: ast.FunctionDef, deployment: Deployment) -> Signature:
    plain = [*node.args.posonlyargs, *node.args.args]
    bare = plain[: len(plain) - len(node.args.defaults)]
    only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    bare += [each for each, default in only if default is None]
    names = tuple(each.arg for each in [*plain, *node.args.kwonlyargs])
    required = {each.arg for each in bare} - deployment.parameters.keys()
    return Signature(names, frozenset(required))


def refusal(root: Path, deployment: Deployment, name: str, value: str | int) -> str | None:
    """Say what the flow takes instead of a value that stands in a rule; None if it takes that."""
    found = jsonschema.exceptions.best_match(_validator(root, deployment, name).iter_errors(value))
    return None if found is None else _words(found)


def refusal_of_text(root: Path, deployment: Deployment, name: str) -> str | None:
    """Say what the flow takes instead of text of any kind; None if it takes some."""
    problems = list(_leaves(_validator(root, deployment, name).iter_errors("")))
    types = [each for each in problems if each.validator == "type"]
    return _words(types[0]) if types and len(types) == len(problems) else None


def _validator(root: Path, deployment: Deployment, name: str) -> jsonschema.Draft202012Validator:
    # Only here, because it takes a second, and not every rule gives parameters.
    from prefect.utilities.callables import parameter_schema_from_entrypoint

    schema = parameter_schema_from_entrypoint(str(root / deployment.entrypoint)).model_dump()
    wanted = {**schema["properties"][name], "definitions": schema["definitions"]}
    return jsonschema.Draft202012Validator(wanted)


def _leaves(problems: Iterable[jsonschema.ValidationError]) -> Iterator[jsonschema.ValidationError]:
    """Yield what is wrong in the end: of alternatives, with each of them."""
    for each in problems:
        if each.context:
            yield from _leaves(each.context)
        else:
            yield each


def _words(problem: jsonschema.ValidationError) -> str:
    said = problem.validator_value
    match problem.validator:
        case "enum":
            return f"one of {', '.join(str(each) for each in said)}"
        case "type":
            return f"{'an' if str(said)[0] in 'aeiou' else 'a'} {said}"
        case "minimum":
            return f"{said} or more"
        case "maximum":
            return f"{said} or less"
        case "pattern":
            return f"what fulfils the pattern {said}"
        case _:
            return f"{problem.validator} {said}"
