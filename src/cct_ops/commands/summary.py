"""``cct-ops summary``: check, write and update test summaries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.text import Text

from cct_ops.errors import BadConfiguration
from cct_ops.models.summary import Problem, Strictness
from cct_ops.summaries import documents, rules, schema
from cct_ops.summaries.generate import Result, TestMode, generate, write_new, write_over
from cct_ops.summaries.repair import repaired_copy

SCHEMA_NAME = "test-summary-schema.json"

app = App(name="summary", help="Check, write and update test summaries.")
_results = TypeAdapter(list[Result])
_SchemaOption = Annotated[
    Path | None,
    Parameter(help=f"The schema it must fit; without it {SCHEMA_NAME} beside the summary."),
]


@app.command
def validate(
    schema_file: Path,
    *summaries: Annotated[Path, Parameter(negative="")],
    mode: Annotated[
        Strictness, Parameter(help="strict fails on problems, warn shows them, silent hides them.")
    ] = Strictness.STRICT,
) -> int:
    """
    Check summaries against their JSON Schema and the business rules.

    The schema's errors are printed at once; the business rules take a few seconds to load.
    What cannot be read fails in every mode.
    """
    if not summaries:
        raise BadConfiguration("name at least one summary after the schema.")
    console = Console(quiet=mode is Strictness.SILENT, soft_wrap=True, highlight=False)
    checker = schema.validator(documents.read(schema_file), str(schema_file))
    read = {str(path): documents.read(path) for path in summaries}
    word, style = ("warning", "yellow") if mode is Strictness.WARN else ("error", "red")

    found: list[Problem] = []
    for name, summary in read.items():
        problems = schema.problems(checker, summary, name)
        _show(console, problems, word, style)
        found += problems
    if console.is_terminal:
        console.print("Checking the business rules, which takes a few seconds.", style="dim")
    broken = rules.check(read)
    _show(console, broken, word, style)
    found += broken

    many = len(summaries) > 1
    subject = f"{len(summaries)} summaries" if many else str(summaries[0])
    verdict = f"{len(found)} {word}{'s' if len(found) > 1 else ''}" if found else "valid"
    console.print(f"{subject}: {verdict}", style=style if found else "green")
    return 1 if found and mode is Strictness.STRICT else 0


@app.command(name="generate")
def generate_summary(
    name: Annotated[str, Parameter(help="The test's name.")],
    version: Annotated[str, Parameter(help="The test's version.")] = "1.0.0",
    output: Annotated[Path, Parameter(help="A file that is not there yet.")] = Path(
        "test-summary.json"
    ),
    *,
    results: Annotated[
        Path | None,
        Parameter(help="A JSON list of {name, status: pass|fail|warn|skip, duration_ms, message}."),
    ] = None,
    test_mode: TestMode = "validation",
    schema_file: Annotated[_SchemaOption, Parameter(name="--schema")] = None,
) -> int:
    """Write a new, valid summary; an existing file is never touched."""
    if output.exists():
        raise BadConfiguration(
            f"{output}: is there already, and was left as it is: name another file, or use"
            " `cct-ops summary update`."
        )
    made = generate(name, version, _read_results(results), test_mode)
    _check(made, output, schema_file)
    write_new(output, made)
    print(f"{output}: written")
    return 0


@app.command
def update(
    summary_file: Path,
    *,
    schema_file: Annotated[_SchemaOption, Parameter(name="--schema")] = None,
) -> int:
    """
    Bring a summary into line with its schema and with its own counts, and say what changed.

    If something would stay wrong, the file is left as it is.
    """
    summary = documents.read(summary_file)
    path = schema_file or summary_file.with_name(SCHEMA_NAME)
    repaired, changes = repaired_copy(schema.validator(documents.read(path), str(path)), summary)
    _check(repaired, summary_file, path)
    if changes:
        write_over(summary_file, repaired)
    for change in changes:
        print(f"{summary_file}: {change.sentence}")
    print(f"{summary_file}: {'updated' if changes else 'nothing to update'}")
    return 0


def _check(summary: documents.Document, path: Path, schema_file: Path | None) -> None:
    """Refuse to write what its schema does not accept."""
    beside = path.with_name(SCHEMA_NAME)
    if schema_file is None and not beside.exists():
        return  # the form that is generated is the one that CCT's own schema describes
    known = schema_file or beside
    checker = schema.validator(documents.read(known), str(known))
    problems = schema.problems(checker, summary, str(path))
    if problems:
        first = f"{problems[0].path} {problems[0].sentence}"
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BadConfiguration(f"{path}: nothing was written: by {known}, {first}{more}")


def _read_results(path: Path | None) -> list[Result]:
    if path is None:
        return []
    try:
        return _results.validate_json(path.read_bytes())
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadConfiguration(f"{path}: {where}: {first['msg']}.") from error


def _show(console: Console, problems: tuple[Problem, ...], word: str, style: str) -> None:
    for problem in problems:
        console.print(Text.assemble((f"{word}: ", style), str(problem)))
