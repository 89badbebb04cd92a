"""How soon Now is on the screen is measured on real parts; here once, and without judgement."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import SecretStr

from evaluation import first_paint
from tests.chromium import needs_chromium


@needs_chromium
def test_the_page_of_a_history_is_painted_and_hears_news(
    ledger_url: SecretStr, engine: sa.Engine
) -> None:
    first_paint.fill(ledger_url, closed=30, still_open=5)

    (taken,) = first_paint.measure((ledger_url,), turns=2)

    assert len(taken.paints) == len(taken.news) == 2
    assert min(taken.paints) > 0
    with engine.connect() as ledger:
        states = ledger.execute(sa.text("select state, count(*) from incidents group by state"))
        assert dict(states.tuples().all()) == {"closed": 30, "open": 7}
