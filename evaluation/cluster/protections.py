"""
The protections of the claims, each as edits that take it away from a copy of this tree.

A cluster whose parts run from such a copy has to be found guilty by the judge. One copy can be
without all of them, as each is about a claim of its own.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from evaluation.cluster.names import Claim
from evaluation.cluster.results import Pair
from evaluation.cluster.work import Load
from evaluation.soak.parts import ROOT

_COPIED = ("src", "flows", "tasks", "deployments", "prefect.yaml", "pyproject.toml")


class Edit(NamedTuple):
    """A text that stands once in a file, and the one that stands there instead."""

    file: str
    old: str
    new: str


class Protection(NamedTuple):
    """
    A protection: the claim that it is for, and the edits without which it is gone.

    ``pairs`` are faults under which that shows, under one of them at least, when each comes so many
    ``times`` on a cluster with such a share of rivals. What never ends is waited for so long only.
    """

    name: str
    claim: Claim
    edits: tuple[Edit, ...]
    pairs: tuple[Pair, ...]
    drain_seconds: float = 30.0
    times: int = 1
    rivals: float = Load.rivals


def source(away: Iterable[Protection], folder: Path) -> Path:
    """Copy what the parts run from, without these protections."""
    copy = folder / "source"
    for name in _tracked():
        place = copy / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place)
    for edit in (edit for each in away for edit in each.edits):
        file = copy / edit.file
        file.write_text(edited(edit, file.read_text()))
    return copy


def edited(edit: Edit, text: str) -> str:
    """Return the text with the edit made; raises where it does not fit any more."""
    if text.count(edit.old) != 1:
        raise ValueError(f"{edit.file} has not once, as it should: {edit.old!r}")
    return text.replace(edit.old, edit.new)


def named(name: str) -> tuple[Protection, ...]:
    """Return the protection of that name, all of them for `all`, and none for nothing."""
    if not name:
        return ()
    found = tuple(each for each in PROTECTIONS if name in {each.name, "all"})
    if not found:
        known = "; ".join(each.name for each in PROTECTIONS)
        raise ValueError(f"no protection is called {name!r}; there are: {known}")
    return found


def _tracked() -> list[str]:
    """Return the files that parts run from, without what they left beside them."""
    done = subprocess.run(  # noqa: S603 -- words of our own
        ["git", "ls-files", "-z", "--", *_COPIED],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.split("\0") if name]


PROTECTIONS = (
    Protection(
        "all alerts of a delivery are stored before it is accepted, and what they ask for is tried"
        " until it is done",
        "no alert lost",
        (
            Edit(
                "src/cct_ops/gateway/senders/alertmanager.py",
                "one_by_one(parsed.alerts, ",
                "one_by_one(parsed.alerts[1:] or parsed.alerts, ",
            ),
            Edit(
                "src/cct_ops/gateway/app.py",
                '{"error": "the ledger cannot store this now"}, 503,',
                '{"error": "the ledger cannot store this now"}, 202,',
            ),
            Edit(
                "src/cct_ops/ledger/intake/outbox.py",
                'later = {"next_attempt_at": NOW + timedelta(seconds=seconds),',
                'later = {"next_attempt_at": NOW + timedelta(days=1),',
            ),
        ),
        (("postgresql", "restart"),),
    ),
    Protection(
        "an alert that comes again belongs to the incident that is open",
        "none doubled",
        (
            Edit(
                "src/cct_ops/ledger/intake/episodes.py",
                "if _began_after(alert, latest):",
                # At times, and where no run is wanted: many would leave room for nothing else.
                "if (received_at.second % 5 == 0 and not {'route', 'limit'} & alert.labels.keys())"
                " or _began_after(alert, latest):",
            ),
        ),
        (("gateway", "restart"),),
    ),
    Protection(
        "the ledger is asked for its permit before each write",
        "no change without permit",
        (
            Edit(
                "src/cct_ops/clients/transport.py",
                "with self._pacer.write_slot(), self._using_key(target) as use, allowed:",
                # At times: what is not on record is no change that comes back late, or two at once.
                "if __import__('time').time() % 20 < 7:\n"
                "            allowed = __import__('contextlib').nullcontext()\n"
                "        with self._pacer.write_slot(), self._using_key(target) as use, allowed:",
            ),
        ),
        (("postgresql", "restart"),),
    ),
    Protection(
        "a lock, its fence and a fresh look under it keep others out",
        "no two changes at once on a target",
        (
            Edit(
                "src/cct_ops/ledger/gate/locks.py",
                "where=(target_locks.c.expires_at <= now()) | ",
                "where=sa.true() | (target_locks.c.expires_at <= now()) | ",
            ),
            Edit(
                "src/cct_ops/ledger/gate/permits.py",
                "if not (row.fenced and row.locked):",
                "if False:",
            ),
            Edit(
                "src/cct_ops/gate/gate.py",
                "changed = self.changed_since(again()) or self.already()",
                # It has to be fresh because other things come between: here they do.
                "changed = __import__('time').sleep(4 + 6 * __import__('random').random())",
            ),
        ),
        (("cct", "ten times slower"), ("controller", "restart")),
        times=3,
        rivals=1.0,
    ),
    Protection(
        "the end of a temporary change is brought by its run, and by a sweep where that is lost",
        "every temporary change taken back in time",
        (
            Edit(
                "src/cct_ops/gate/temporary.py",
                "schedule_revert(within(engine, write))",
                "within(engine, write)",
            ),
            # Later than any fault excuses, and not never: the target is wanted again.
            Edit(
                "src/cct_ops/controller/changes.py",
                "    due = changes.overdue(engine, grace_seconds)\n",
                "    due = changes.overdue(engine, 330.0)\n",
            ),
        ),
        (("worker", "kill -9"),),
        drain_seconds=330.0,
    ),
    Protection(
        "a look without an answer, or that shows too little, says nothing of a fix",
        "no good fix undone",
        (
            Edit(
                "src/cct_ops/models/verification.py",
                "return cls.too_few(seen, samples)",
                "return cls(verdict=Verdict.BROKEN, reason=seen, samples=samples)",
            ),
            Edit(
                "src/cct_ops/models/verification.py",
                "samples < steady.min_samples:",
                # Which is more often so.
                "samples < steady.min_samples * (9000 if samples % 7 == 0 else 1):",
            ),
            Edit(
                "tasks/verify.py",
                "Verification(verdict=Verdict.TOO_FEW_SAMPLES, reason=f",
                "Verification(verdict=Verdict.BROKEN, reason=f",
            ),
            # Else its playbook soon may change nothing, and nothing is left that could be undone.
            Edit(
                "src/cct_ops/ledger/gate/track_record.py",
                "_EVER = datetime(1, 1, 1, tzinfo=UTC)",
                "_EVER = datetime(9000, 1, 1, tzinfo=UTC)",
            ),
        ),
        (("cct", "cut off"), ("cct", "ten times slower"), ("cct", "pause 30 s")),
        drain_seconds=120.0,
        times=2,
    ),
    Protection(
        "each end is written down, that of a run whose process died by others, and a fault brings"
        " none without an account",
        "every run ends",
        (
            Edit(
                "tasks/ending.py",
                "record.record_outcome(ledger(), run, target,",
                "if target != '/intraday-check':\n"
                "            record.record_outcome(ledger(), run, target,",
            ),
            Edit(
                "src/cct_ops/controller/crashed_runs.py",
                ".each(leases.unsettled(self.engine), str, settle)",
                ".each([], str, settle)",
            ),
            Edit(
                "tasks/report.py",
                "if is_away(error) and not record.of_run(ledger(), current_run().id).actions:",
                "if not record.of_run(ledger(), current_run().id).actions:",
            ),
            Edit(
                "tasks/report.py",
                "    if record.of_run(ledger(), run.id).outcome is not None:\n",
                "    if True:\n",
            ),
        ),
        (("child", "kill -9"),),
        drain_seconds=180.0,
        times=4,
    ),
    Protection(
        "an end is said, and again where Slack did not take it",
        "every person asked is told how it ended",
        (
            Edit(
                "src/cct_ops/controller/untold.py",
                "owed = owed_ends.listed(engine, grace_seconds)",
                "owed: list[UUID] = []",
            ),
            Edit(
                "tasks/notify.py",
                "    said = _notify(message, topic,",
                "    said = True or _notify(message, topic,",
            ),
        ),
        (("slack", "cut off"), ("slack", "pause 30 s")),
        drain_seconds=60.0,
        times=3,
    ),
)
