"""``cct-ops summary``: check, write and update test summaries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

app = App(name="summary", help="Check, write and update test summaries.")

SchemaOption = Annotated[
    Path | None,
    Parameter(
        name="--schema",
        help="The schema it must fit; without it test-summary-schema.json beside the summary.",
    ),
]


@app.command
def validate(
    schema_file: Annotated[Path, Parameter(help="The JSON Schema.")],
    *summaries: Annotated[Path, Parameter(help="The summaries to check.")],
    mode: Annotated[
        Literal["strict", "warn", "silent"],
        Parameter(help="strict fails on problems, warn shows them, silent hides them."),
    ] = "strict",
) -> int:
    """
    Check summaries against their JSON Schema and the business rules.

    A file that cannot be read fails in every mode.
    """
    from cct_ops.models.summary import Strictness
    from cct_ops.summaries import console

    return console.validate(schema_file, summaries, Strictness(mode))


@app.command
def generate(
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
    test_mode: Annotated[
        Literal["quick", "full", "validation", "production", "staging"],
        Parameter(help="How much was tested, and where."),
    ] = "validation",
    schema_file: SchemaOption = None,
) -> int:
    """Write a new, valid summary; an existing file is never touched."""
    from cct_ops.summaries import console

    return console.generate_new(
        name, version, output, results=results, test_mode=test_mode, schema_file=schema_file
    )


@app.command
def update(
    summary_file: Annotated[Path, Parameter(help="The summary; it is written anew.")],
    *,
    schema_file: SchemaOption = None,
) -> int:
    """
    Bring a summary into line with its schema and with its own counts, and say what changed.

    If something would stay wrong, the file is left as it is.
    """
    from cct_ops.summaries import console

    return console.update(summary_file, schema_file)
