"""Checks, writes and updates files, and reports on the terminal (``cct-ops summary``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from cct_ops.errors import BadConfiguration
from cct_ops.models.summary import Problem, Strictness
from cct_ops.summaries import documents, rules, schema
from cct_ops.summaries.generate import Result, TestMode, generate, write_new, write_over
from cct_ops.summaries.repair import repaired_copy
from cct_ops.terminal import say, visible

SCHEMA_NAME = "test-summary-schema.json"

_results = TypeAdapter(list[Result])


def validate(schema_file: Path, summaries: Sequence[Path], mode: Strictness) -> int:
    """Check summaries: first by their schema, then by the rules."""
    if not summaries:
        raise BadConfiguration("name at least one summary after the schema.")
    console = Console(quiet=mode is Strictness.SILENT, soft_wrap=True, highlight=False, emoji=False)
    checker = schema.validator(documents.read(schema_file), str(schema_file))
    read, unreadable = dict[str, documents.Document](), []
    for path in summaries:
        try:
            read[str(path)] = documents.read(path)
        except BadConfiguration as error:
            unreadable.append(str(error))
    word, style = ("warning", "yellow") if mode is Strictness.WARN else ("error", "red")

    if not read:
        raise BadConfiguration(" ".join(unreadable))
    for sentence in unreadable:
        say(f"error: {sentence}", stderr=True)
    found: list[Problem] = []
    for name, summary in read.items():
        found += schema.problems(checker, summary, name)
    found += rules.check(read)
    _show(console, found, word)

    subject = str(next(iter(read))) if len(read) == 1 else f"{len(read)} summaries"
    verdict = f"{len(found)} {word}{'s' if len(found) > 1 else ''}" if found else "valid"
    console.print(Text(f"{visible(subject)}: {verdict}", style if found else "green"))
    return 1 if unreadable or (found and mode is Strictness.STRICT) else 0


def generate_new(
    name: str,
    version: str,
    output: Path,
    *,
    results: Path | None,
    test_mode: TestMode,
    schema_file: Path | None,
) -> int:
    """Write a new summary; an existing file is never touched."""
    if output.exists():
        raise BadConfiguration(
            f"{output}: is there already, and was left as it is: name another file, or use"
            " `cct-ops summary update`."
        )
    made = generate(name, version, _read_results(results), test_mode)
    _check(made, output, schema_file)
    write_new(output, made)
    say(f"{output}: written")
    return 0


def update(summary_file: Path, schema_file: Path | None) -> int:
    """Repair a summary; if something would stay wrong, the file is left as it is."""
    content = documents.content_of(summary_file)
    summary = documents.parse(content, str(summary_file))
    path = schema_file or summary_file.with_name(SCHEMA_NAME)
    repaired, changes = repaired_copy(schema.validator(documents.read(path), str(path)), summary)
    _check(repaired, summary_file, path)
    if changes and (place := documents.shortened(content, summary)):
        raise BadConfiguration(
            f"{summary_file}: nothing was written: {place} has more digits than would be kept:"
            " shorten it first"
        )
    if changes:
        write_over(summary_file, repaired)
    for change in changes:
        say(f"{summary_file}: {change.sentence}")
    say(f"{summary_file}: {'updated' if changes else 'nothing to update'}")
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
    found = documents.parse_value(documents.content_of(path), str(path))
    try:
        return _results.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = documents.path_of(first["loc"])
        raise BadConfiguration(f"{path}: {where}: {first['msg']}.") from error


def _show(console: Console, problems: Sequence[Problem], word: str) -> None:
    # At once and as it is: there can be as many as there are fields in 16 MiB.
    lines = "".join(f"{word}: {visible(problem)}\n" for problem in problems)
    console.print(Segments([Segment(lines)]))
