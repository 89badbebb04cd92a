"""Which differences are wanted: an entry counts for so many alerts, and until its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.models.run import Mode
from cct_ops.replay import acknowledged
from cct_ops.replay.acknowledged import Acknowledged, Verdict
from cct_ops.replay.compare import Comparison, Kind, compare
from cct_ops.replay.history import FORMAT
from cct_ops.replay.result import Became, End, Fate, Replayed

TODAY = date(2026, 3, 9)
AT = datetime(2026, 3, 2, tzinfo=UTC)


def fate(number: int = 0, became: Became = Became.FIRED, **more: object) -> Fate:
    """Return what became of one alert; unless said otherwise a run that changes something."""
    ran = {"playbook": "auto-rollback", "mode": Mode.AUTO, "end": End.CHANGED, "rule": "r"}
    usual = {"delivery": UUID(int=number), "at": AT, "position": 0, "source": "s", "alert": "X"}
    run = ran if became is Became.FIRED else {}
    return Fate.model_validate({**usual, "became": became, **run, **more})


def replayed(*fates: Fate) -> Replayed:
    return Replayed(format=FORMAT, fates=fates, counts={}, playbooks={})


def differences(before: Fate | None, after: Fate | None) -> Comparison:
    return compare(replayed(*([before] if before else [])), replayed(*([after] if after else [])))


def judged(comparison: Comparison, allow: int | None = None, **entry: object) -> Verdict:
    """Hold the comparison against a file with one entry, about its first difference."""
    (first, *_) = comparison.differences
    usual = {"difference": first.digest, "times": 1, "by": "me", "why": "so", "until": TODAY}
    file = Acknowledged.model_validate({"acknowledged": [usual | entry]})
    return acknowledged.judge(comparison.differences, file, TODAY, allow)


BLOCKED = fate(end=End.BLOCKED, guard="cool-down")
ALIKE: dict[Kind, tuple[Fate | None, Fate | None]] = {
    Kind.NEW: (None, fate()),
    Kind.GONE: (fate(), fate(became=Became.LATE)),
    Kind.CHANGED: (fate(parameters={"n": 1}), fate(parameters={"n": 2})),
    Kind.MODE: (fate(), fate(mode=Mode.APPROVE, end=End.ASKS)),
    Kind.BLOCKED: (fate(), BLOCKED),
    Kind.UNBLOCKED: (BLOCKED, fate()),
    Kind.ENDS: (fate(), fate(end=End.MAY_CHANGE)),
    Kind.TAKEN_IN: (fate(became=Became.UNMATCHED), fate(became=Became.QUARANTINED)),
}


@pytest.mark.parametrize("kind", Kind)
def test_what_is_different_has_one_name(kind: Kind) -> None:
    comparison = differences(*ALIKE[kind])

    assert [each.kind for each in comparison.differences] == [kind]
    assert differences(*ALIKE[kind][::-1]).differences[0].digest != comparison.differences[0].digest


def test_the_summary_is_one_line() -> None:
    before = replayed(*(fate(number) for number in range(14)))
    kept = [fate(number) for number in range(6)]
    blocked = BLOCKED.model_copy(update={"delivery": UUID(int=6)})
    new = [fate(20), fate(21)]

    done = compare(before, replayed(*kept, blocked, *new))

    assert done.summary == "fired 14 → 9, 2 new, 7 gone, 1 blocked by cool-down"
    assert compare(before, before).summary == "fired 14 → 14, no difference"


def test_another_name_of_a_rule_is_no_difference() -> None:
    assert differences(fate(rule="old"), fate(rule="new")).differences == ()


def test_a_difference_has_the_same_name_in_a_longer_history() -> None:
    one = differences(fate(), None).differences[0]
    more = compare(replayed(fate(), fate(1), fate(2)), replayed()).differences[0]

    assert (one.digest, more.times) == (more.digest, 3)


def test_an_entry_covers_its_difference_to_its_number_and_day() -> None:
    comparison = compare(replayed(fate(), fate(1)), replayed())

    assert judged(comparison, times=2).passes
    assert not judged(comparison, times=1).passes
    over = judged(comparison, times=2, until=TODAY - timedelta(days=1))
    assert not over.passes
    assert len(over.expired) == 1
    other = judged(comparison, difference="0" * 16)
    assert not other.passes
    assert len(other.unknown) == 1


def test_so_many_may_differ_without_an_entry() -> None:
    comparison = compare(replayed(fate(), fate(1)), replayed())

    assert judged(comparison, 2).passes
    assert not judged(comparison, 1).passes
    generous = Acknowledged(allow=2)
    assert acknowledged.judge(comparison.differences, generous, TODAY, None).passes
    assert not acknowledged.judge(comparison.differences, generous, TODAY, 0).passes


def test_entries_are_lines_of_the_file_once_somebody_says_why(tmp_path: Path) -> None:
    found = differences(fate(), None).differences
    file = tmp_path / acknowledged.FILE
    lines = acknowledged.entries(found, 'me: "I"', TODAY)
    file.write_text(f"acknowledged:\n{lines}\n")

    with pytest.raises(BadConfiguration, match="why: String should have"):
        acknowledged.read(file)
    file.write_text(file.read_text().replace('why: ""', "why: it is wanted"))
    (entry,) = acknowledged.read(file).acknowledged
    assert (entry.by, entry.times) == ('me: "I"', 1)
    assert acknowledged.judge(found, acknowledged.read(file), TODAY, 0).passes
    assert acknowledged.read(tmp_path / "none.yaml") == Acknowledged()
