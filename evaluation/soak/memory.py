"""
``python -m evaluation.soak.memory``: how large the parts are after half an hour of mixed load.

The load is the same in each minute: alerts with runs of their own, and hostile bodies beside them,
several at once, some of which come slowly. The least that a part holds in the minutes after the
fifth it may hold in the last ones too, and a tenth more.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Annotated

import httpx
from cyclopts import App, Parameter

from cct_ops.beside import beside
from evaluation.benchmarks.rest import memory_mib
from evaluation.benchmarks.system import KEY, System, system
from evaluation.soak import hostile
from evaluation.soak.parts import ROOT

PARTS = ("gateway", "controller", "worker", "prefect")
PAGE = ROOT / "docs" / "benchmarks" / "memory.md"
SAMPLE_SECONDS = 30.0
WINDOW = 10  # samples
WHOLE_MINUTES = 30.0  # what is shorter is for whoever works on it, and writes no page
SETTLED_MINUTES = 5.0
MOST_PERCENT = 10.0
ALERT_SECONDS = 6.0
AT_ONCE = 8
SLOW_SECONDS = 8.0

app = App(name="memory", result_action="return_value")

Sizes = Mapping[str, float]


@app.default
def memory(
    *, minutes: Annotated[float, Parameter(help="Below 30 no page is written.")] = WHOLE_MINUTES
) -> int:
    """Load a stack of its own, and fail where a part grew by more than 10 % after 5 minutes."""
    answers, samples = Counter[str](), list[tuple[float, Sizes]]()
    with (
        tempfile.TemporaryDirectory() as name,
        system(Path(name)) as made,
        beside(partial(_alerts, made)),
        beside(partial(_hostile, made, answers)),
    ):
        began = time.monotonic()
        while (minute := (time.monotonic() - began) / 60) < minutes:
            time.sleep(min(SAMPLE_SECONDS, 60 * (minutes - minute)))
            samples.append(((time.monotonic() - began) / 60, memory_mib(made, *PARTS)))
            line = f"soak: minute {samples[-1][0]:.1f}: {_shown(samples[-1][1])}"
            sys.stderr.write(f"{line}\n")
    text = page(samples, answers)
    sys.stdout.write(text)
    if minutes >= WHOLE_MINUTES:
        PAGE.write_text(text)
    return 1 if any(percent > MOST_PERCENT for percent in growth(samples).values()) else 0


def growth(samples: Sequence[tuple[float, Sizes]]) -> dict[str, float]:
    """Return by how many percent the least size of each part is larger at the end than before."""
    before, after = map(_least, windows(samples))
    return {part: 100 * (after[part] / before[part] - 1) for part in PARTS}


def windows(
    samples: Sequence[tuple[float, Sizes]],
) -> tuple[Sequence[tuple[float, Sizes]], Sequence[tuple[float, Sizes]]]:
    """Return what is compared: the samples once all had settled, and as many at the end."""
    late = [each for each in samples if each[0] >= SETTLED_MINUTES]
    used = late if len(late) >= 2 * WINDOW else samples
    count = min(WINDOW, max(1, len(used) // 2))
    return used[:count], used[-count:]


def _least(window: Sequence[tuple[float, Sizes]]) -> Sizes:
    return {part: min(each[part] for _, each in window) for part in PARTS}


def page(samples: Sequence[tuple[float, Sizes]], answers: Mapping[str, int]) -> str:
    """Return the page with the table."""
    early, late = windows(samples)
    before, after, grown = _least(early), _least(late), growth(samples)
    rows = [
        f"| {part} | {before[part]:.0f} | {after[part]:.0f} |"
        f" {max(each[part] for _, each in samples):.0f} | {grown[part]:+.1f} % |"
        for part in PARTS
    ]
    given = ", ".join(f"{count} times {answer}" for answer, count in sorted(answers.items()))
    return f"""\
# Memory under load

Written by `python -m evaluation.soak.memory`: an alert with a run of its own each
{ALERT_SECONDS:g} s, and beside it {AT_ONCE} hostile bodies at once, of each kind in turn, every
other round over {SLOW_SECONDS:g} s. MiB (PSS) with all processes of a part, sampled each
{SAMPLE_SECONDS:g} s. Runs and bodies come and go, so the least samples of two windows are compared.

| part | {_minutes(early)} | {_minutes(late)} | largest sample | growth |
| -- | --: | --: | --: | --: |
{chr(10).join(rows)}

The hostile bodies were answered: {given}. At most {MOST_PERCENT:g} % of growth is allowed.
The machine has {os.cpu_count()} cores; its load was {os.getloadavg()[2]:.1f} in the last quarter of
an hour.
"""


def _minutes(window: Sequence[tuple[float, Sizes]]) -> str:
    return f"minutes {window[0][0]:.1f} to {window[-1][0]:.1f}"


def _alerts(made: System, over: threading.Event) -> None:
    """Send alerts that each get a run."""
    while not over.wait(ALERT_SECONDS):
        with contextlib.suppress(httpx.HTTPError):  # busy: the next one comes soon
            made.alert()


def _hostile(made: System, answers: Counter[str], over: threading.Event) -> None:
    """Send hostile bodies, one kind after the other, and count the answers."""
    rounds = cycle([(name, slow) for slow in (False, True) for name in hostile.BODIES])
    with ThreadPoolExecutor(AT_ONCE) as senders:
        while not over.wait(1):
            name, slow = next(rounds)
            content = hostile.BODIES[name]()
            sent = [content + b" " * n for n in range(AT_ONCE)]
            answers.update(senders.map(partial(_answer, made.urls["hook"], slow=slow), sent))


def _answer(url: str, content: bytes, *, slow: bool) -> str:
    headers = {"Authorization": f"Bearer {KEY}"}
    paced = hostile.slowly(content, SLOW_SECONDS) if slow else content
    try:
        with httpx.Client(timeout=60, trust_env=False) as sender:
            return str(sender.post(url, content=paced, headers=headers).status_code)
    except httpx.TransportError:
        return "cut off"


def _shown(found: Sizes) -> str:
    return ", ".join(f"{part} {found[part]:.0f} MiB" for part in PARTS)


if __name__ == "__main__":
    sys.exit(app())
