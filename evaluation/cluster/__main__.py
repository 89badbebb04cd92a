"""``python -m evaluation.cluster``: run the cluster, and do to its parts what is typed."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import httpx
import psycopg
import redis
from cyclopts import App

from evaluation.cluster import faults
from evaluation.cluster.cluster import Cluster, cluster, missing
from evaluation.cluster.faults import Fault, catalogue

app = App(name="cluster", result_action="return_value")

HELP = """\
  list                       the parts, and which are well
  kill PART                  kill -9; `start PART` starts it again
  pause PART / resume PART   SIGSTOP and SIGCONT, to all of its processes
  slow PART / fast PART      a tenth of the time
  start PART
  cut HOST OTHER ... / heal HOST
  cutoff PART ...            nothing reaches it, nothing that it says gets through; `heal HOST`
  crawl HOST / run HOST      a slow link, and as fast as it was
  lose HOST                  kill -9 of all that runs there; `start` each part again
  faults [WORD ...]          the catalogue, or what has these words in its name
  begin FAULT                begins the first of those, such as `begin disk full redis`
  end                        ends what `begin` began, the last first; `well` ends all
  failover                   the standby of PostgreSQL takes over; `follow` makes a new one
  quit"""


@app.default
def run() -> int:
    """Run until `quit`, the end of the input, or Ctrl-C."""
    if without := missing():
        print(f"cluster: not installed: {', '.join(without)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing is left behind
    with tempfile.TemporaryDirectory(prefix="cct-ops-cluster-") as folder:
        began = time.monotonic()
        with cluster(Path(folder)) as made:
            print(f"cluster: up after {time.monotonic() - began:.0f} s; logs in {folder}")
            if untested := faults.untested(made):
                print(f"cluster: cannot be tried here: {', '.join(untested)}")
            print(f"alert hook      {made.hook}\nPrefect         {made.env['PREFECT_API_URL']}")
            print(HELP, flush=True)
            _take_orders(made)
    return 0


def _take_orders(made: Cluster) -> None:
    begun = list[Fault]()
    for line in sys.stdin:
        words = shlex.split(line)
        if words == ["quit"]:
            return
        try:
            said = _hurt(made, words, begun) or _obey(made, words)
        except (*_REFUSALS, *_SILENCE) as error:
            said = f"not done: {error}\n{HELP}"
        print(said, flush=True)


_REFUSALS = (KeyError, TypeError, ValueError, OSError, NotImplementedError)
# Of what is hurt already.
_SILENCE = (psycopg.Error, redis.RedisError, httpx.HTTPError)


def _hurt(made: Cluster, words: list[str], begun: list[Fault]) -> str | None:
    """Do what is about the catalogue; None for any other order."""
    order, name = " ".join(words[:1]), " ".join(words[1:])
    if order in {"faults", "begin"}:
        found = [each for each in catalogue(made, Random()) if name in each.name]  # noqa: S311
        if order == "faults" or not found:
            return "\n".join(each.name for each in found) or f"no fault is called {name!r}"
        found[0].begins()
        begun.append(found[0])
        return f"begun: {found[0].name}"
    if order == "end" and begun:
        begun.pop().ends()
        return "done"
    if order == "well":
        begun.clear()
        faults.heal(made)
        return "done"
    return None


def _obey(made: Cluster, words: list[str]) -> str:
    if not words:
        return HELP
    order, *names = words
    if order == "list":
        return "\n".join(
            f"{name:<20}{each.host.name:<8}{'well' if each.is_well() else 'not well'}"
            for name, each in made.members.items()
        )
    whole: dict[str, Callable[..., None]] = {
        "cut": lambda one, *others: made.net.cut(one, others),
        "heal": made.net.heal,
        "cutoff": lambda *names: _cut_off(made, names),
        "crawl": lambda one: made.net.slow(one, slowly=True),
        "run": lambda one: made.net.slow(one, slowly=False),
        "lose": made.lose,
        "failover": made.fail_over,
        "follow": made.follow_again,
    }
    if order in whole:
        whole[order](*names)
        return "done"
    if order not in {"kill", "pause", "resume", "slow", "fast", "start"}:
        return HELP
    for name in names:
        getattr(made.members[name], order)()
    return "done"


def _cut_off(made: Cluster, names: Sequence[str]) -> None:
    for name in names:
        made.net.isolate(made.members[name].host.name, made.members[name].group)


if __name__ == "__main__":
    sys.exit(app())
