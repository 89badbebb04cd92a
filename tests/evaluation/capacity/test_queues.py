"""The model's queues are held against what is known of them by formula."""

from __future__ import annotations

from random import Random

import pytest
import simpy

from evaluation.capacity.queues import Batches, Budget, Host, Lane, Process, Steps


def waited(load: float, *, fixed: bool, seconds: float = 20_000) -> tuple[float, float]:
    """Return the mean wait for a lane with one thread, and its utilisation; a row takes 1 s."""
    env, random = simpy.Environment(), Random(3)  # noqa: S311 -- a load, no secret
    host = Host(env, 1, quantum=1e6)

    def handle(_row: object) -> Steps:
        yield from host.work(1.0 if fixed else random.expovariate(1.0))

    lane = Lane(env, 1, handle)

    came = 0

    def come() -> Steps:
        nonlocal came
        while True:
            yield env.timeout(random.expovariate(load))
            came += 1
            lane.put(None)

    env.process(come())
    env.run(seconds)
    assert len(lane.ages) - lane.done in {0, 1}  # one is in hand
    assert came == len(lane.ages) + lane.waiting
    return sum(age for _, age in lane.ages) / len(lane.ages), host.utilisation()


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_a_lane_waits_as_long_as_mm1_says(load: float) -> None:
    wait, utilisation = waited(load, fixed=False)

    assert wait == pytest.approx(load / (1 - load), rel=0.15)
    assert utilisation == pytest.approx(load, rel=0.05)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_a_lane_with_fixed_work_waits_as_long_as_md1_says(load: float) -> None:
    wait, utilisation = waited(load, fixed=True)

    assert wait == pytest.approx(load / (2 * (1 - load)), rel=0.15)
    assert utilisation == pytest.approx(load, rel=0.05)


def test_cores_are_shared_in_turns_and_a_process_takes_one_at_a_time() -> None:
    env = simpy.Environment()
    host = Host(env, 2)
    one, ended = Process(host), dict[str, float]()

    def does(name: str, work: Steps) -> Steps:
        yield from work
        ended[name] = env.now

    for name in ("first", "second"):
        env.process(does(name, one.work(1.0)))
    env.process(does("beside", host.work(1.0)))
    env.run()

    assert ended["first"] == pytest.approx(1.0)
    assert ended["second"] == pytest.approx(2.0)
    assert ended["beside"] == pytest.approx(1.0)
    assert host.used == pytest.approx(3.0)


def test_a_part_of_a_core_is_slower_by_as_much() -> None:
    env = simpy.Environment()
    host = Host(env, 1.6)
    env.process(host.work(0.8))
    env.run()

    assert env.now == pytest.approx(0.8 * 2 / 1.6)


def test_a_batch_takes_what_waits_and_a_full_line_refuses() -> None:
    env = simpy.Environment()
    written = []

    def write(batch: list[object]) -> Steps:
        written.append(len(batch))
        yield env.timeout(1.0)

    door = Batches(env, write, most=3, line=4)
    env.run(0.1)
    taken = [door.put(n) is not None for n in range(6)]
    env.run()

    assert taken == [True] * 4 + [False] * 2
    assert written == [3, 1]


def test_ccts_limit_is_never_passed_and_waiting_reads_of_one_thing_are_one_request() -> None:
    env = simpy.Environment()
    budget = Budget(env, limit=10, kept=4, window=60.0)
    answered: list[float] = []

    def look() -> Steps:
        yield from budget.read("status")
        answered.append(env.now)

    def change() -> Steps:
        yield from budget.write()

    for _ in range(50):
        env.process(look())
    env.run(1)
    assert (budget.sent, len(answered)) == (1, 50)

    for second in range(1, 8):
        env.run(second + 0.5)
        env.process(look())
    env.run(30)
    assert budget.sent == 6  # four are kept for changes
    for _ in range(5):
        env.process(change())
    env.run(59)
    assert budget.sent == 10
