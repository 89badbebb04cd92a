"""
The facts as a sheet: a row for each incident and run, with a column for each number.

The sum of a column of counts is the number in the report, and its rows are the incidents behind it.
As CSV its cells are text; as Parquet the same cells have types, and where one is empty is nothing.
"""

from __future__ import annotations

import io
from typing import Any

from cct_ops.record.report.facts import Facts
from cct_ops.record.report.figures import TIMES, mark
from cct_ops.record.report.words import MEANINGS
from cct_ops.terminal import visible

# What a spreadsheet takes for a formula, also where it is written in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- those
_TEXTS = ("what", "began_by", "playbook", "target", "state", "outcome")
_KIND, _SINCE, _GUARDS = "incident or run", "since (UTC)", "guards"


def sheet(facts: Facts) -> str:
    """Return the sheet as CSV; text of senders is text in it, and no formula."""
    rows = _rows(facts)
    rows[_GUARDS] = rows[_GUARDS].map(", ".join)
    out: str = rows.to_csv(index=False, date_format="%Y-%m-%d %H:%M:%S", lineterminator="\r\n")
    return out


def parquet(facts: Facts) -> bytes:
    """Return the sheet as Parquet, whose text is as harmless: it may be made a sheet of again."""
    import pyarrow as pa
    from pyarrow import parquet as files

    rows = _rows(facts)
    types = {name: pa.int64() for name in rows.columns}
    types |= dict.fromkeys(("id", _KIND, *_TEXTS), pa.string())
    types |= {_SINCE: pa.timestamp("ms", tz="UTC"), _GUARDS: pa.list_(pa.string())}
    types |= {_seconds(name): pa.float64() for name in TIMES}
    said = {
        "since": facts.since.isoformat(),
        "until": facts.until.isoformat(),
        **{f"meaning of {name}": meaning for name, meaning in MEANINGS.items()},
    }
    out = io.BytesIO()
    table = pa.Table.from_pandas(rows, pa.schema(list(types.items())), preserve_index=False)
    kept = {**(table.schema.metadata or {}), **said}
    files.write_table(table.replace_schema_metadata(kept), out, compression="zstd")
    return out.getvalue()


def _rows(facts: Facts) -> Any:
    """Return the sheet as a frame; its moments are whole seconds, and what is missing is None."""
    marked, cases = mark(facts), facts.cases
    rows = cases[["id"]].copy()
    rows[_KIND] = ["incident" if each else "run" for each in cases["incident"]]
    rows[_SINCE] = cases["opened_at"].dt.floor("s")
    for name in _TEXTS:
        rows[name] = [harmless(each) or None for each in cases[name]]
    rows[_GUARDS] = [[harmless(each) for each in guards] for guards in cases["guards"]]
    for name in marked.counts:
        rows[name] = marked.frame[name]
    for name in TIMES:
        rows[_seconds(name)] = marked.frame[name].round(3)
    return rows.astype(dict.fromkeys((*_TEXTS, _KIND, _GUARDS), object))  # also where none is


def _seconds(name: str) -> str:
    return f"{name} (seconds)"


def harmless(value: Any) -> str:
    """Return text that no spreadsheet takes for a formula; empty where there is none."""
    text = value if isinstance(value, str) else ""  # pandas has None or NaN for what is missing
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        text = f"'{text}"
    return visible(text)
