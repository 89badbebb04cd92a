"""
``python -m evaluation.soak.memory``: how large the parts are after half an hour of mixed load.

The load is the same in each minute: alerts with runs of their own, and hostile bodies beside them,
several at once, some of which come slowly. It stops twice, after five minutes and at the end: what
a part holds once its work is done it may hold at the end too, and a tenth more.
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
WHOLE_MINUTES = 30.0  # what is shorter is for whoever works on it, and writes no page
SETTLED_MINUTES = 5.0
MOST_PERCENT = 10.0
CALM_SECONDS = 10.0
CALM_AT_MOST = 18  # three minutes: longer than any run
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
    answers, under_load = Counter[str](), list[Sizes]()
    settling = min(SETTLED_MINUTES, minutes / 2)
    with tempfile.TemporaryDirectory() as name, system(Path(name)) as made:
        before, after = (
            _rest_after(made, loaded_minutes, under_load, answers)
            for loaded_minutes in (settling, minutes - settling)
        )
    text = page(before, after, under_load, answers)
    sys.stdout.write(text)
    if minutes >= WHOLE_MINUTES:
        PAGE.write_text(text)
    return 1 if any(percent > MOST_PERCENT for percent in growth(before, after).values()) else 0


def _rest_after(
    made: System, minutes: float, under_load: list[Sizes], answers: Counter[str]
) -> Sizes:
    with beside(partial(_alerts, made)), beside(partial(_hostile, made, answers)):
        ends = time.monotonic() + 60 * minutes
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(SAMPLE_SECONDS, left))
            under_load.append(_sizes(made, "under load"))
    return _at_rest(made)


def _at_rest(made: System) -> Sizes:
    """Wait until no part grows or shrinks any more, as runs end and memory is given back."""
    now = _sizes(made, "load stopped")
    for _ in range(CALM_AT_MOST):
        time.sleep(CALM_SECONDS)
        before, now = now, _sizes(made, "at rest")
        if all(abs(now[part] - before[part]) < now[part] / 100 for part in PARTS):
            break
    return now


def _sizes(made: System, when: str) -> Sizes:
    found = memory_mib(made, *PARTS)
    shown = ", ".join(f"{part} {found[part]:.0f} MiB" for part in PARTS)
    sys.stderr.write(f"soak: {when}: {shown}\n")
    return found


def growth(before: Sizes, after: Sizes) -> dict[str, float]:
    """Return by how many percent each part is larger at rest than it was before."""
    return {part: 100 * (after[part] / before[part] - 1) for part in PARTS}


def page(
    before: Sizes, after: Sizes, under_load: Sequence[Sizes], answers: Mapping[str, int]
) -> str:
    """Return the page with the table."""
    grown = growth(before, after)
    rows = [
        f"| {part} | {before[part]:.0f} | {after[part]:.0f} |"
        f" {max(each[part] for each in under_load):.0f} | {grown[part]:+.1f} % |"
        for part in PARTS
    ]
    given = ", ".join(f"{count} times {answer}" for answer, count in sorted(answers.items()))
    return f"""\
# Memory under load

Written by `python -m evaluation.soak.memory`: an alert with a run of its own each
{ALERT_SECONDS:g} s, and beside it {AT_ONCE} hostile bodies at once, of each kind in turn, every
other round over {SLOW_SECONDS:g} s. MiB (PSS) with all processes of a part, sampled each
{SAMPLE_SECONDS:g} s. The load stops twice until each part is at rest, and these two sizes are
compared.

| part | after {SETTLED_MINUTES:g} minutes | at the end | most under load | growth at rest |
| -- | --: | --: | --: | --: |
{chr(10).join(rows)}

The hostile bodies were answered: {given}. At most {MOST_PERCENT:g} % of growth is allowed.
The machine has {os.cpu_count()} cores; its load was {os.getloadavg()[2]:.1f} in the last quarter of
an hour.
"""


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


if __name__ == "__main__":
    sys.exit(app())
