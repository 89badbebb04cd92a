"""What the command that takes protections away comes to where nothing is left to be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cluster import claims
from evaluation.cluster.cluster import missing
from evaluation.cluster.results import add
from tests.evaluation.cluster.test_results import met


@pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")
def test_it_is_well_where_each_claim_was_found_broken_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    add(file, pairs=[met("restart").model_copy(update={"exposures": {}})])

    done = claims.run(part=["redis"], file=file, go_on=True, without_="all", together=True)

    assert done == 0
    assert "the cluster is up" not in capsys.readouterr().err
