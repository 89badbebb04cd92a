"""The house rules that matter, as tests: README.md says how to add a playbook, this checks it."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow, Task
from prefect.flows import load_flow_from_entrypoint

from cct_ops.config import policy
from tasks.actions import TASKS
from tests.conftest import ROOT
from tests.flows.scenarios import ROWS, WITHOUT_ROW
from tests.generated_docs import FILES, PARTS, Part
from tests.import_rules import ACROSS, LAYERS, MAY_IMPORT, TESTED_IN, arrows, module_of, part_of

REGISTRY: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
PLAYBOOKS = sorted(path for path in (ROOT / "flows").glob("*.py") if path.stem != "__init__")
# What puts back what others changed: no policy may stop it.
UPKEEP = {entry["name"] for entry in REGISTRY if "upkeep" in entry["tags"]}
CODE = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
)
LONGEST, LONGEST_BODY = 300, 60
# The migrations that were released, and the beginning of each one's SHA-256.
RELEASED = {"0001_first_release.py": "ab2bb8c51c5e33b6"}


def by_name(path: Path) -> str:
    """Name a parametrised case."""
    return path.stem


def snake(name: str) -> str:
    """The name of a deployment's flow."""
    return name.replace("-", "_")


LOOKING = ["validate", *(path.stem for path in (ROOT / "tasks").glob("diagnose*.py"))]
# By name: one module imports the probe of another, and one makes probes for all.
PROBES = {
    name: value
    for module in LOOKING
    for name, value in vars(importlib.import_module(f"tasks.{module}")).items()
    if isinstance(value, Task)
    and name.startswith("probe_")
    and value.fn.__module__.removeprefix("tasks.") in LOOKING
}


@pytest.mark.parametrize("path", PLAYBOOKS, ids=by_name)
def test_one_file_is_one_playbook_is_one_flow_of_the_same_name(path: Path) -> None:
    """And nothing else: a class in there would exist twice, as the file is also loaded by path."""
    body = ast.parse(path.read_text()).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    module = importlib.import_module(f"flows.{path.stem}")

    assert [function.name for function in functions] == [path.stem]
    assert not [node for node in body if isinstance(node, ast.ClassDef)]
    assert isinstance(getattr(module, path.stem), Flow)
    assert getattr(module, path.stem).name == path.stem.replace("_", "-")


@pytest.mark.parametrize("path", PLAYBOOKS, ids=by_name)
def test_every_playbook_has_all_that_belongs_to_it(path: Path) -> None:
    """A deployment, a ceiling in the policy, a page for people, and tests."""
    dashed = path.stem.replace("_", "-")
    allowed = {*policy.read(ROOT / "deployments" / "policy.yaml").playbooks, *UPKEEP}
    page = ROOT / "docs" / "runbooks" / f"{path.stem}.md"

    assert f"flows/{path.stem}.py:{path.stem}" in [entry["entrypoint"] for entry in REGISTRY]
    assert dashed in [entry["name"] for entry in REGISTRY]
    assert dashed in allowed
    assert page.is_file()
    assert f"docs/runbooks/{path.stem}.md" in path.read_text()
    assert list((ROOT / "tests" / "flows").glob(f"test_{path.stem}*.py")) != []


def test_every_playbook_and_each_of_its_options_is_held_to_the_matrix() -> None:
    """Or the matrix says why not; what puts back what others changed has tests of its own."""
    known = {entry["name"] for entry in REGISTRY} - UPKEEP
    rows = {row.playbook for row in ROWS}

    assert rows | set(WITHOUT_ROW) == known
    assert rows & set(WITHOUT_ROW) == set()
    for name in rows:
        flow = getattr(importlib.import_module(f"flows.{snake(name)}"), snake(name))
        parameters = inspect.signature(flow.fn, eval_str=True).parameters
        for choice in {"option", "fix"} & set(parameters):
            options = {str(each) for each in parameters[choice].annotation} - {"recommended"}
            assert {row.option for row in ROWS if row.playbook == name} == options, name


@pytest.mark.parametrize("path", PLAYBOOKS, ids=by_name)
def test_a_playbook_reports_whatever_ended_it(path: Path) -> None:
    flow = getattr(importlib.import_module(f"flows.{path.stem}"), path.stem)

    for hooks in (flow.on_failure_hooks, flow.on_crashed_hooks, flow.on_cancellation_hooks):
        assert [hook.__name__ for hook in hooks] == ["report_failure"]


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: str(entry["name"]))
def test_every_entrypoint_loads(entry: dict[str, Any]) -> None:
    """A placeholder would hide that a file cannot be imported."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(
        str(ROOT / entry["entrypoint"]), use_placeholder_flow=False
    )

    assert flow.name == entry["name"]


def test_imports_go_one_way() -> None:
    """A part imports what its line allows and nothing else; the lines allow only what is used."""
    used: dict[str, set[str]] = {part: set() for part in MAY_IMPORT}
    wrong = []
    for path in CODE:
        part = part_of(module_of(path))
        if part not in MAY_IMPORT:
            wrong.append(f"{path.relative_to(ROOT)} belongs to no part of tests/import_rules.py")
            continue
        for other in arrows(path) - {part}:
            used[part].add(other)
            if other not in MAY_IMPORT[part]:
                wrong.append(f"{path.relative_to(ROOT)} imports {other}")
    for part in MAY_IMPORT.keys() - {"tests"}:
        wrong += [f"{part} imports no {name}" for name in MAY_IMPORT[part] - used[part]]
    assert sorted(wrong) == []


def test_no_arrow_goes_upwards() -> None:
    """A part knows only parts that stand above it in the table, so there is no cycle either."""
    below: set[str] = set()
    for part in (part for layer in LAYERS.values() for part in layer):
        assert MAY_IMPORT[part] - below == set(), part
        below.add(part)


def test_the_wheel_stands_alone() -> None:
    """It carries ``cct_ops`` only, which knows nothing of the folders beside it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    beside = {part for part in MAY_IMPORT if (ROOT / part).is_dir()}

    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/cct_ops"]
    assert beside == {"deployments", "docs", "evaluation", "flows", "tasks", "tests"}
    assert [part for part in MAY_IMPORT.keys() - beside if MAY_IMPORT[part] & beside] == []


def test_every_part_has_its_tests() -> None:
    """In the folder or the file of its name, or where the table says; no folder is forgotten."""
    tests = ROOT / "tests"
    named = {part for part in MAY_IMPORT if [*tests.glob(f"{part}/**/test_*.py")]}
    named |= {part for part in MAY_IMPORT if (tests / f"test_{part}.py").is_file()}
    folders = {path.relative_to(tests).parts[0] for path in CODE if tests in path.parents}

    assert named | TESTED_IN.keys() == MAY_IMPORT.keys() - {"tests"}
    assert named & TESTED_IN.keys() == set()
    assert [
        part for part, place in TESTED_IN.items() if part not in (tests / place).read_text()
    ] == []
    assert {each for each in folders if "." not in each} - MAY_IMPORT.keys() == ACROSS


def test_what_the_templates_of_a_playbook_import_is_there() -> None:
    """Who moves a module moves it there as well."""
    templates = (ROOT / "src" / "cct_ops" / "scaffold" / "templates").glob("*.py.j2")
    named = {
        (module, name)
        for path in templates
        for line in path.read_text().splitlines()
        if "{{" not in line
        for module, names in re.findall(r"^from (\S+) import (.+)", re.sub("{%.*?%}", "", line))
        for name in names.split(", ")
    }

    assert len(named) > 30
    for module, name in named:
        if not hasattr(importlib.import_module(module), name):
            importlib.import_module(f"{module}.{name}")


def test_files_are_short() -> None:
    """But a migration, which nobody reads again."""
    migrations = ROOT / "src" / "cct_ops" / "ledger" / "migrations"
    lengths = {path: len(path.read_text().splitlines()) for path in CODE}

    assert {
        str(path.relative_to(ROOT)): length
        for path, length in lengths.items()
        if length > LONGEST and migrations not in path.parents
    } == {}


@pytest.mark.parametrize("path", PLAYBOOKS, ids=by_name)
def test_the_body_of_a_flow_is_short(path: Path) -> None:
    """Its parameters, and what the run says of itself, need as many lines as they need."""
    flows = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]

    for flow in flows:
        first = flow.body[1] if ast.get_docstring(flow) else flow.body[0]
        assert (flow.body[-1].end_lineno or 0) - first.lineno < LONGEST_BODY


def test_there_are_no_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}

    assert [path for path in CODE if path.stem in vague or path.parent.name in vague] == []


@pytest.mark.parametrize(("name", "action"), TASKS.items())
def test_every_action_says_whom_it_can_hurt_and_how_it_is_undone(
    name: str, action: Task[..., Any]
) -> None:
    """It is sent once, keeps no result, and its first parameter is the permit."""
    said = inspect.getdoc(action.fn) or ""

    assert re.search(r"Blast radius: \S", said), name
    assert re.search(r"Undo:\s\S|Cannot be undone", said), name
    assert action.retries == 0
    assert action.persist_result is False
    assert next(iter(inspect.signature(action.fn).parameters)) == "permit"


@pytest.mark.parametrize(("name", "probe"), PROBES.items())
def test_every_probe_is_retried_and_keeps_nothing(name: str, probe: Task[..., Any]) -> None:
    """After an approval a run must look again, not remember."""
    assert probe.retries > 0, name
    assert probe.persist_result is False
    assert probe.retry_condition_fn is not None


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_pages_say_what_the_code_says(part: Part) -> None:
    """Written by ``make format``."""
    page = (ROOT / part.page).read_text()

    assert f"<!-- {part.name} -->" in page
    assert part.written_into(page) == page


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_made_are_as_the_code_makes_them(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name]()


def test_no_file_speaks_of_a_machine() -> None:
    """Neither a path of whoever wrote it, nor where packages came from."""
    tracked = subprocess.run(
        ["git", "grep", "-lIE", r"/root/|/home/[a-z]+/|/work/|index-url https|--extra-index-url"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    ).stdout.split()

    assert [name for name in tracked if name != "tests/test_conventions.py"] == []


def test_migrations_are_one_line() -> None:
    """Each follows the one before it in the order of the file names, or nothing can be migrated."""
    found = [
        dict(re.findall(r'^(revision|down_revision)[^=]*= "?(\w[\w-]*)"?$', text, re.MULTILINE))
        for text in (
            path.read_text()
            for path in sorted((ROOT / "src/cct_ops/ledger/migrations/versions").glob("*.py"))
        )
    ]

    assert [each["down_revision"] for each in found] == [
        "None",
        *(each["revision"] for each in found[:-1]),
    ]


def test_a_released_migration_is_never_changed() -> None:
    """What it made is in ledgers that nobody can look into; a change is a migration of its own."""
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in (ROOT / "src/cct_ops/ledger/migrations/versions").glob("*.py")
    }

    assert {name: found.get(name) for name in RELEASED} == RELEASED
    assert all(name > max(RELEASED) for name in found.keys() - RELEASED.keys())
