"""The report, as people and programs get it: in a terminal and as JSON."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
import pytest
import sqlalchemy as sa
from pyarrow import parquet

from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.run import Outcome
from cct_ops.record.report import page, sheet
from tests.commands.conftest import Program, Typed
from tests.commands.test_inbox import arrive
from tests.commands.test_incident import ESCAPES, SCRIPT
from tests.ledger.history import attempt
from tests.record.a_day import a_day


def test_the_terminal_shows_the_figures_and_says_where_the_incidents_are(
    engine: sa.Engine, typed: Typed
) -> None:
    a_day(engine)

    said = typed("report --since 1d")

    for words in (
        "5 incidents, 2 of them without a run",
        "2 runs for no incident ended: 1 by a person, 1 by a schedule.",
        "2 of 3 (67%)",
        "2.0 s / 51.4 s",
        "hold",
        "2 minutes for each command that the manual runbook has to look with",
        "`cct-ops report --since 1d --json`",
    ):
        assert words in said


def test_json_names_the_incidents_behind_each_number(engine: sa.Engine, typed: Typed) -> None:
    day = a_day(engine)

    content = json.loads(typed("report --since 1d --json"))

    total = {each["name"]: each for each in content["sections"][0]["figures"]}
    assert content["sections"][0]["playbook"] is None
    assert total["verified fixes"]["ids"] == [day.ids["fixed"], day.ids["manual"]]
    assert (total["verified fixes"]["value"], total["verified fixes"]["of"]) == (2, 3)
    assert total["to acknowledge, p95"]["unit"] == "seconds"
    assert all(each["ids"] for each in total.values() if each["value"])
    assert content["left_out"] == []


def test_a_row_that_cannot_be_true_is_told_by_the_exit_code(
    engine: sa.Engine, program: Program, on_ledger: None
) -> None:
    """The report on the others is shown all the same."""
    bad, good = attempt(engine, Outcome.RESOLVED), attempt(engine, Outcome.UNDONE)
    with engine.begin() as tx:
        lovely = sa.update(resolutions).where(resolutions.c.run_id == bad.id)
        tx.execute(lovely.values(outcome="Lovely"))

    ended = program("report", "--json")

    assert ended.code == 1
    assert f"left out: {bad.id}: its outcome is none that there is" in ended.err
    content = json.loads(ended.out)
    assert [each["id"] for each in content["left_out"]] == [str(bad.id)]
    (ids,) = [each["ids"] for each in content["sections"][0]["figures"] if each["name"] == "undone"]
    assert ids == [str(good.id)]


def test_nothing_is_one_line(typed: Typed) -> None:
    said = typed("report --since 1h")

    assert "no incident came in, and no run for none ended." in said
    assert len(said.splitlines()) == 1


def test_the_page_opens_offline_and_names_the_incidents(
    engine: sa.Engine, typed: Typed, tmp_path: Path
) -> None:
    """Nothing is loaded from anywhere, nothing runs, and no markup of others is any."""
    day, path = a_day(engine), tmp_path / "report.html"
    with engine.begin() as tx:
        tx.execute(sa.text("update dispatches set playbook = :it"), {"it": SCRIPT + ESCAPES})
        tx.execute(
            sa.text("update decisions set guard = :it where guard is not null"), {"it": SCRIPT}
        )

    said = typed(["report", "--since", "1d", "--html", str(path)])

    shown = path.read_text()
    assert str(path) in said
    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "default-src 'none'" in shown.replace("&#39;", "'")
    assert not re.findall(r"<[^>]*(?:src|href)=|@import|url\(", shown)
    assert all(each in shown for each in day.ids.values())
    assert "2 of 3 (67%)" in shown
    assert shown.count("<svg") > 3


def test_a_page_has_all_ids_or_says_where_they_are(
    engine: sa.Engine, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is cut off."""
    day, path = a_day(engine), tmp_path / "report.html"
    monkeypatch.setattr(page, "MOST_IDS", 50)

    typed(["report", "--since", "1d", "--html", str(path)])

    shown = path.read_text()
    assert not [each for each in day.ids.values() if each in shown]
    assert "cct-ops report --json" in shown


def test_the_columns_of_the_sheet_add_up_to_the_numbers(
    engine: sa.Engine, typed: Typed, tmp_path: Path
) -> None:
    """And their rows are the incidents behind each."""
    day, path = a_day(engine), tmp_path / "report.csv"
    total = json.loads(typed(["report", "--since", "1d", "--csv", str(path), "--json"]))
    figures = total["sections"][0]["figures"]

    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {row["id"] for row in rows} == set(day.ids.values())
    for figure in figures:
        if figure["unit"] != "seconds":
            assert sum(int(row[figure["name"]]) for row in rows) == figure["value"]
            behind = [row["id"] for row in rows if row[figure["name"]] != "0"]
            assert behind == figure["ids"], figure["name"]
    (fixed,) = [row for row in rows if row["id"] == day.ids["fixed"]]
    assert fixed["to verified fix (seconds)"] == "70.0"


def test_parquet_has_the_rows_of_the_sheet_with_types(
    engine: sa.Engine, typed: Typed, tmp_path: Path
) -> None:
    """What pandas reads back is what stands in the CSV, cell by cell."""
    sheet_file, path = tmp_path / "report.csv", tmp_path / "report.parquet"
    a_day(engine)
    arrive(engine, "=1+1", "/x")

    said = typed(["report", "--since", "1d", "--csv", str(sheet_file), "--parquet", str(path)])

    assert str(path) in said
    read = pandas.read_parquet(path)
    assert {str(read[name].dtype) for name in ("incidents", "minutes saved")} == {"int64"}
    assert str(read["since (UTC)"].dtype) == "datetime64[ms, UTC]"
    assert str(read["to verified fix (seconds)"].dtype) == "float64"
    with sheet_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert "'=1+1" in [row["what"] for row in rows]
    assert "hold" in [row["guards"] for row in rows]
    assert list(read.columns) == list(rows[0])
    assert [
        {name: _as_in_csv(value) for name, value in row.items()} for row in read.to_dict("records")
    ] == rows


def _as_in_csv(value: Any) -> str:
    """A cell of a frame, as its text in a CSV."""
    if isinstance(value, pandas.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float) or value is None:
        return "" if pandas.isna(value) else str(value)
    return ", ".join(value)


def test_parquet_of_nothing_has_its_columns_and_their_types(typed: Typed, tmp_path: Path) -> None:
    """And says of which time it is."""
    path = tmp_path / "report.parquet"

    typed(["report", "--since", "1h", "--parquet", str(path)])

    found = parquet.read_schema(path)
    assert str(found.field("playbook").type) == "string"
    assert str(found.field("guards").type) == "list<element: string>"
    assert str(found.field("to acknowledge (seconds)").type) == "double"
    assert datetime.fromisoformat(found.metadata[b"since"].decode()) < datetime.now(UTC)


@pytest.mark.parametrize("option", ["--html", "--csv", "--parquet"])
def test_a_file_that_cannot_be_written_is_a_sentence(
    program: Program, on_ledger: None, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "no-such-folder" / "report"

    ended = program("report", option, str(path))

    assert ended.code == 1
    assert f"{path} cannot be written: No such file or directory" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝"])  # noqa: RUF001
def test_no_cell_of_the_sheet_is_a_formula(
    engine: sa.Engine, typed: Typed, tmp_path: Path, begin: str
) -> None:
    formula = f'{begin}HYPERLINK("http://evil.example","x")'
    arrive(engine, formula, "/x")

    typed(["report", "--since", "1d", "--csv", str(tmp_path / "report.csv")])

    with (tmp_path / "report.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["what"].startswith("'")
    assert row["what"].endswith('HYPERLINK("http://evil.example","x")')
    assert not [each for each in row.values() if each.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_what_is_missing_is_an_empty_cell() -> None:
    assert sheet.harmless(None) == sheet.harmless(float("nan")) == ""
    assert sheet.harmless("plain = text") == "plain = text"
