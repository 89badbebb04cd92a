"""The CPU time of the parts of a stack, read many times a second while something happens."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import psutil

_EVERY_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class _Sample(NamedTuple):
    at: float
    parts: Mapping[str, float]
    processes: Mapping[int, float]


class Processes:
    """Knows the processes of each part of a stack, and what they had used at which time."""

    def __init__(self, guards: Mapping[str, int]) -> None:
        self._guards = guards
        self._part_of: dict[int, str | None] = {pid: part for part, pid in guards.items()}
        self._samples: list[_Sample] = []

    def sample(self, over: threading.Event) -> None:
        """Read them again and again until it is over."""
        while not over.wait(_EVERY_SECONDS):
            self._samples.append(self._now())

    def used(self, began: float, ended: float, run: int = 0) -> dict[str, float]:
        """Return the CPU seconds of each part in that time, and those of a run's process apart."""
        series = {
            part: [each.parts.get(part, 0.0) for each in self._samples] for part in self._guards
        }
        series["run"] = [each.processes.get(run, 0.0) for each in self._samples]
        found = {
            part: self._at(ended, each) - self._at(began, each) for part, each in series.items()
        }
        return found | {"worker": max(0.0, found["worker"] - found["run"])}

    def _at(self, time_: float, series: list[float]) -> float:
        """Return it for a time between two samples."""
        # between a child's end and its parent's wait for it what it had used is nowhere
        most = list(accumulate(series, max))
        after = min(
            max(bisect_right(self._samples, time_, key=lambda each: each.at), 1), len(most) - 1
        )
        (began, *_), (ended, *_) = self._samples[after - 1], self._samples[after]
        share = min(max((time_ - began) / (ended - began), 0.0), 1.0)
        return most[after - 1] + share * (most[after] - most[after - 1])

    def _now(self) -> _Sample:
        at = time.time()
        present = psutil.pids()
        for gone in self._part_of.keys() - set(present):
            del self._part_of[gone]
        parts, processes = defaultdict[str, float](float), dict[int, float]()
        for pid in present:
            if pid in self._part_of and self._part_of[pid] is None:
                continue  # a stranger
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                part = self._part_of.setdefault(pid, self._part_of.get(int(fields[1])))
                if part is not None:  # user, system, and the same of those it has waited for
                    processes[pid] = sum(map(int, fields[11:15])) / _TICKS
                    parts[part] += processes[pid]
        return _Sample(at, parts, processes)
