"""The policy: what it may say, where it is wrong, and when its windows are open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from cct_ops.config import policy
from cct_ops.models.base import like, matches
from cct_ops.models.guards import Backoff, GuardSettings
from cct_ops.models.maintenance import Window
from cct_ops.models.run import Mode
from tests.config.refusing import refusal
from tests.conftest import ROOT

WINDOW = "playbooks: {}\nmaintenance:\n  - name: a\n    start: '22:00'\n    end: '23:00'\n"


def test_the_shipped_policy_is_complete() -> None:
    """It says every setting, so that nobody has to look for a default."""
    shipped = policy.read(ROOT / "deployments" / "policy.yaml")

    assert set(shipped.model_fields_set) == set(policy.Policy.model_fields)
    assert set(shipped.guards.model_fields_set) == set(GuardSettings.model_fields)
    assert shipped.of("auto-rollback").targets


def test_a_policy_that_is_written_as_json_is_read_as_the_same(tmp_path: Path) -> None:
    """A game day writes its own."""
    shipped = policy.read(ROOT / "deployments" / "policy.yaml")
    (tmp_path / "policy.yaml").write_text(shipped.model_dump_json())

    assert policy.read(tmp_path / "policy.yaml").follow_ups == shipped.follow_ups


def test_a_playbook_that_is_not_listed_may_only_look_and_touches_nothing() -> None:
    unlisted = policy.Policy(playbooks={}).of("anything")

    assert (unlisted.ceiling, unlisted.targets) == (Mode.OBSERVE, ())


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("playbooks: {}\nguards:\n  cool_down_minutes: -1\n", 3, "guards.cool_down_minutes"),
        ("playbooks: {}\nguards:\n  failed_attempts: 0\n", 3, "greater than or equal to 1"),
        ("playbooks: {}\nguards:\n  actions_per_hour: true\n", 3, "must be a number, not true"),
        (
            "playbooks: {}\napprovals:\n  second_person:\n    playbooks: [chaos-experimnt]\n",
            4,
            "is none of the playbooks that the file names",
        ),
        ("playbooks: {}\nguards:\n  cooldown: 3\n", 3, "Extra inputs are not permitted"),
        ("playbooks: {}\nguards:\n  storm:\n    incidents: many\n", 4, "valid integer"),
        ("playbooks: {}\nguards:\n  recurring_fixes: 3\n", 3, "guards.recurring_fixes"),
        ("playbooks: {}\nguards:\n  actions_per_hour: -1\n", 3, "guards.actions_per_hour"),
        ("playbooks: {}\nguards:\n  backoff:\n    first_minutes: soon\n", 4, "valid number"),
        (
            "playbooks: {}\nmaintenance:\n  - name: a\n    start: 22:00\n    end: '23:00'\n",
            4,
            'write the time as "HH:MM", in quotes',
        ),
        (WINDOW + "    timezone: Mars/Olympus\n", 6, "no such time zone"),
        (WINDOW + "    days: [someday]\n", 6, "Input should be 'mon'"),
        ("playbooks: {}\nautonomy:\n  verified_fixes: 0\n", 3, "autonomy.verified_fixes"),
        ("playbooks: {}\nautonomy:\n  classes:\n    pages: []\n", 4, "autonomy.classes.pages"),
        (
            "playbooks:\n  a:\n    ceiling: auto\n    clean_since: 2026-01-01 10:00:00\n",
            4,
            "timezone",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_its_line_and_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "policy.yaml"
    refused = refusal(policy.read, path, text)

    assert f"{path}:{line}: " in refused
    assert reason in refused


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("{name: a}", "name either http or file"),
        ("{name: a, http: 'https://a/', file: b}", "name either http or file"),
        ("{name: a, file: b, token: {env: T}}", "a file takes no token"),
        ("{name: a, http: 'ftp://a/'}", "not an http(s) URL"),
        ("{name: a, http: 'https://me:s3cret@a/'}", "not into the URL"),
        ("{name: A, file: b}", "String should match pattern"),
        ("{name: a, file: b, batch_events: 0}", "greater than or equal to 1"),
        ("{name: a, file: b, from: yesterday}", "'now' or 'start'"),
        ("{name: a, file: b}, {name: a, file: c}", "two streams are called a"),
        (
            "{name: a, http: 'https://a/', token: {env: T, not_before: 2026-01-01T00:00:00Z}}",
            "Extra inputs are not permitted",
        ),
    ],
)
def test_a_wrong_stream_is_refused(tmp_path: Path, stream: str, reason: str) -> None:
    path = tmp_path / "policy.yaml"

    refused = refusal(policy.read, path, f"playbooks: {{}}\naudit:\n  streams: [{stream}]\n")

    assert f"{path}:3: " in refused or f"{path}:2: " in refused
    assert reason in refused
    assert "s3cret" not in refused


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the week that begins on Monday, 2 November 2026."""
    return datetime(2026, 11, 1 + day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (at(2, 21, 59), False),
        (at(2, 22), True),
        (at(3, 1, 59), True),  # Tuesday's window reaches into Wednesday
        (at(3, 2), False),
        (at(3, 22, 30), False),
        (at(2, 1), False),  # of Monday's night there is no window
    ],
)
def test_a_window_reaches_past_midnight(moment: datetime, is_open: bool) -> None:
    window = Window(name="w", days=("tue",), start="22:00", end="02:00")

    assert window.covers("/x", moment) is is_open
    assert window.end_after(moment) == (at(3, 2) if is_open else None)


def test_a_window_keeps_the_hours_of_its_own_time_zone() -> None:
    berlin = Window(name="w", days=("mon",), start="08:00", end="09:00", timezone="Europe/Berlin")

    assert berlin.end_after(at(1, 7, 30)) == at(1, 8)
    summer = datetime(2026, 7, 6, 6, 30, tzinfo=UTC)
    assert berlin.end_after(summer) == datetime(2026, 7, 6, 7, tzinfo=UTC)
    assert berlin.end_after(at(1, 8, 30)) is None


def test_the_pause_between_attempts_doubles() -> None:
    pauses = [Backoff(first_minutes=5, longest_minutes=30).pause(n) for n in range(6)]

    assert [pause.total_seconds() / 60 for pause in pauses] == [0, 5, 10, 20, 30, 30]


@pytest.mark.parametrize(
    ("pattern", "target", "expected"),
    [
        ("/daily-*", "/daily-summary", True),
        ("/daily", "/daily-summary", False),
        ("*", "anything", True),
        ("/a.c", "/abc", False),
        ("/*-review", "/weekly-review", True),
    ],
)
def test_a_pattern_covers_the_whole_name(pattern: str, target: str, expected: bool) -> None:
    assert matches(target, (pattern,)) is expected


def test_a_pattern_means_the_same_to_the_ledger() -> None:
    assert like(r"/100%_\*") == "/100\\%\\_\\\\%"


def floats(model: type[BaseModel], *path: str) -> Iterator[tuple[str, ...]]:
    """Where the policy has amounts, by the names that lead there."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from floats(inner, *path, name)
        elif inner in (float, int):
            yield (*path, name)


AMOUNTS = list(floats(policy.Policy))


@pytest.mark.parametrize("amount", AMOUNTS, ids=".".join)
@pytest.mark.parametrize("odd", [".inf", ".nan", "1.0e+300", "9" * 400, "-1"])
def test_an_amount_that_no_guard_can_reckon_with_is_refused_with_its_line(
    tmp_path: Path, amount: tuple[str, ...], odd: str
) -> None:
    indented = "".join(f"{'  ' * depth}{name}:\n" for depth, name in enumerate(amount))
    path = tmp_path / "policy.yaml"
    refused = refusal(policy.read, path, f"playbooks: {{}}\n{indented.rstrip()} {odd}\n")

    assert refused.startswith(f"{path}:{len(amount) + 1}: {'.'.join(amount)}: ")


def test_the_largest_amounts_are_reckoned_with() -> None:
    """A year, and no sum or moment overflows."""
    largest = Backoff(first_minutes=527040, longest_minutes=527040)
    assert largest.pause(1000) == timedelta(days=366)
