"""What breaks is laid at the door of the fault in whose time it fell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evaluation.cluster.fault import Fault
from evaluation.cluster.findings import Finding
from evaluation.cluster.windows import Window

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return the moment so long after the first fault."""
    return BEGAN + timedelta(seconds=seconds)


def window(began: float, until: float | None, *, off: float = 0) -> Window:
    """Return a window of a fault that does nothing."""
    fault = Fault("redis", "restart", "restart redis", lambda: None, lambda: None, 0.0)
    made = Window(fault, after(began), off=timedelta(seconds=off))
    made.until = None if until is None else after(until)
    return made


def found(*seconds: float) -> list[Finding]:
    """Return claims that broke at these moments."""
    return [Finding("every run ends", after(each), "It has no account.") for each in seconds]


def test_it_lasts_from_its_beginning_to_that_of_the_next() -> None:
    moments = found(-1, 0, 29, 30, 31)

    assert window(0, 30).findings(moments) == moments[1:3]
    assert window(30, None).findings(moments) == moments[3:]


def test_what_a_ledger_dates_by_a_wrong_clock_belongs_to_it_too() -> None:
    moments = found(-290, 10, 310)

    assert window(0, 30, off=-300).findings(moments) == moments[:2]
    assert window(0, 30, off=300).findings(moments) == moments[1:]


def test_it_is_settled_once_it_is_over_and_what_it_met_is_too() -> None:
    assert window(0, 30).is_settled(after(31))
    assert not window(0, 30).is_settled(after(29))
    assert not window(0, None).is_settled(after(31))
    assert window(0, None).is_settled(None)
    assert not replace(window(0, 30), failed=True).is_settled(None)
    assert not replace(window(0, 30), cut_short=True).is_settled(None)


def test_a_fault_of_no_cell_has_no_pair() -> None:
    lost = Window(Fault(None, None, "lose host one", lambda: None, lambda: None, 0.0), BEGAN)

    assert window(0, 30).pair == ("redis", "restart")
    assert lost.pair is None


def test_what_lasts_is_laid_at_the_door_of_each_fault_meanwhile() -> None:
    late = Finding("every run ends", after(20), "It came back late.", until=after(45))
    doors = [window(-30, 0), window(0, 30), window(30, 40), window(40, 60), window(60, None)]

    assert [bool(each.findings([late])) for each in doors] == [False, True, True, True, False]
    assert window(300, 330, off=300).findings([late]) == []
    assert window(300, 330, off=-300).findings([late]) == [late]
