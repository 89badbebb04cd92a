"""A new playbook: which files are written, which are added to, and all of it or nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2
import yaml

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.scaffold.names import Names

MARK = "Fill in"
_MARKED = re.compile(rf"\W*{MARK}: (.*?)\W*")
_SRC = "src/cct_ops"
# Each file of a playbook, and the template that it is made from.
_FILES = {
    "flows/{snake}.py": "flow.py.j2",
    "tasks/diagnose_{snake}.py": "look.py.j2",
    f"{_SRC}/diagnoses/{{snake}}.py": "diagnosis.py.j2",
    f"{_SRC}/scenarios/{{snake}}.py": "scenario.py.j2",
    "docs/runbooks/{snake}.md": "runbook.md.j2",
    "tests/flows/test_{snake}.py": "test_flow.py.j2",
    "tests/diagnoses/test_{snake}.py": "test_diagnosis.py.j2",
}
_OF_A_PROBE = {
    f"{_SRC}/models/cct_{{family_snake}}.py": "model.py.j2",
    f"{_SRC}/sandbox/{{family_snake}}.py": "sandbox.py.j2",
}
# What is not written yet cannot be seen to be ours.
_OURS = 'lint.isort.known-first-party=["cct_ops", "flows", "tasks", "tests"]'
_ACTION_TASKS = "tasks/mitigate.py"
_OF_AN_ACTION = {f"{_SRC}/actions/{{family_snake}}.py": "action.py.j2"}


class ToFill(Frozen):
    """The part of one file that is left to a person."""

    path: str
    what: str


class Made(Frozen):
    """The files that were written, those that were added to, and the parts left to a person."""

    playbook: str
    written: tuple[str, ...]
    changed: tuple[str, ...]
    to_fill: tuple[ToFill, ...]


def make(project: Path, names: Names) -> Made:
    """
    Write a new playbook into the project, whole or not at all.

    Raises ``BadConfiguration`` where something of that name is there already, and where a file that
    it has to be added to is not as it is known.
    """
    words = names.words()
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cct_ops.scaffold"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- what is written is code, and the names in it are checked
    )

    def rendered(template: str) -> str:
        return templates.get_template(template).render(words)

    sources = (
        _FILES | (_OF_A_PROBE if names.probe else {}) | (_OF_AN_ACTION if names.action else {})
    )
    written = {path.format_map(words): rendered(template) for path, template in sources.items()}
    _must_be_new(project, names, written)
    changed = _added(project, names, words, rendered)
    _write(project, _tidy(written | changed, project))
    left = [
        ToFill(path=path, what=found[1])
        for path, text in written.items()
        for line in text.splitlines()
        if (found := _MARKED.fullmatch(line))
    ]
    return Made(
        playbook=names.name, written=tuple(written), changed=tuple(changed), to_fill=tuple(left)
    )


def _must_be_new(project: Path, names: Names, written: Mapping[str, str]) -> None:
    known = yaml.safe_load(_text(project, "prefect.yaml"))["deployments"]
    if names.name in [entry["name"] for entry in known]:
        raise BadConfiguration(f"There is a playbook {names.name} already.")
    for path in written:
        if (project / path).exists():
            raise BadConfiguration(
                f"{path} is there already, and nothing was written: choose another name, or add an"
                " endpoint of a family that is known by hand."
            )


def _added(
    project: Path, names: Names, words: Mapping[str, object], rendered: Callable[[str], str]
) -> dict[str, str]:
    """Return the files that list playbooks, endpoints and actions, with the new one in them."""
    when = str(words["when"])
    row = f"| [{names.name}](docs/runbooks/{names.snake}.md) | {when[0].lower()}{when[1:]} |\n"
    additions = [
        ("prefect.yaml", r"\A[\s\S]*", rendered("deployment.j2")),
        ("deployments/policy.yaml", r"^playbooks:\n", rendered("policy.j2")),
        ("deployments/routes.yaml", r"(?=^  - name: everything-else$)", rendered("route.j2")),
        ("README.md", r"^\| Playbook \| When \|\n(?:\|.*\n)+", row),
    ]
    if names.probe:
        family = words["family_snake"]
        model = f"from cct_ops.models.cct_{family} import {words['shape']}\n"
        reader, families = f"{_SRC}/clients/reader.py", f"{_SRC}/sandbox/api.py"
        additions += [
            (reader, r"^from cct_ops\.errors import .*\n", model),
            (reader, r"(?=^    def _read\()", rendered("reader.j2")),
            (families, r"^from cct_ops\.sandbox import ", f"{family}, "),
            (families, r'^    "runbook": \{\n', f'"{words["family"]}": {family}.RUNBOOK,\n'),
        ]
    if names.action:
        family, action = words["family_snake"], words["action_class"]
        task = f"{words['method']} = action({action})\n"
        additions += [
            (_ACTION_TASKS, r"^from cct_ops\.", f"actions.{family} import {action}\nfrom cct_ops."),
            (_ACTION_TASKS, r"(?:^\w+ = action\(\w+\)\n)+", task),
        ]
    changed: dict[str, str] = {}
    for path, behind, text in additions:
        old = changed.get(path) or _text(project, path)
        found = re.search(behind, old, re.MULTILINE)
        if found is None:
            raise BadConfiguration(
                f"{path} is not as it is known, and nothing was written: there is no place for"
                f" {text.strip().splitlines()[0]!r}."
            )
        changed[path] = old[: found.end()] + text + old[found.end() :]
    return changed


def _text(project: Path, path: str) -> str:
    try:
        return (project / path).read_text()
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read: {error.strerror}.") from None


def _tidy(files: Mapping[str, str], project: Path) -> dict[str, str]:
    """Sort the imports and break the lines as the project does; what is no Python is an error."""
    return {path: _tidied(text, path, project) for path, text in files.items()}


def _tidied(text: str, path: str, project: Path) -> str:
    given = f"--stdin-filename={path}"
    tools = {
        ".py": (
            ("ruff", "check", "--fix", "--select=I", f"--config={_OURS}", "--quiet", given, "-"),
            ("ruff", "format", "--quiet", given, "-"),
        ),
        ".md": (("mdformat", "-"),),
    }
    for tool, *arguments in tools.get(Path(path).suffix, ()):
        program = Path(sys.executable).with_name(tool)
        if not program.exists():
            raise BadConfiguration(f"{tool} is not installed here: `make check` installs it.")
        done = subprocess.run(  # noqa: S603 -- our own tool on our own text
            [program, *arguments],
            cwd=project,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BadConfiguration(f"{path} cannot be written: {done.stderr.strip()}")
        text = done.stdout
    return text


def _write(project: Path, files: Mapping[str, str]) -> None:
    """Write all files; what went wrong leaves the project as it was."""
    before: dict[Path, bytes | None] = {}
    whole = False
    try:
        for name, text in files.items():
            path = project / name
            before[path] = path.read_bytes() if path.exists() else None
            path.write_text(text)
        whole = True
    except OSError as error:
        problem = f"{error.filename} cannot be written, so nothing was: {error.strerror}."
        raise BadConfiguration(problem) from None
    finally:
        for path, content in () if whole else before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
