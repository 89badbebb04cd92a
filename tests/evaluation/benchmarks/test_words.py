"""The title of a table names what its clock measures."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT

MEASURED = ["evaluation/benchmarks/page.py", "evaluation/benchmarks/report.py"]
SHOWN = ["docs/benchmarks/results.md", "docs/benchmarks/results.svg"]


@pytest.mark.parametrize("name", [*MEASURED, *SHOWN])
def test_what_stops_at_the_first_probe_is_not_called_the_first_action(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "first probe" in text
    assert "alert to its first action" not in text
    assert "alert -> first action" not in text
