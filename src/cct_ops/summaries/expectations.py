"""Rows of data held against the expectations of Great Expectations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def broken(
    about: str, frame: Any, expectations: Sequence[Any], named_by: str
) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """
    Yield what is said of each expectation that rows break, and what these have in ``named_by``.

    Raises ``RuntimeError`` for an expectation that could not be held against them.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(about).add_dataframe_asset(about)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    outcome = batch.validate(
        gx.ExpectationSuite(name=about, expectations=list(expectations)),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [named_by]},
    )
    for result in outcome.results:
        assert result.expectation_config is not None  # noqa: S101 -- for the type checker
        meta = result.expectation_config.meta
        if result.exception_info.get("raised_exception"):
            raise RuntimeError(f"{meta['rule']}: {result.exception_info['exception_message']}")
        if rows := result.result.get("unexpected_index_list"):
            yield meta, [row[named_by] for row in rows]
