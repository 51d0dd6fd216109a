"""Contestants in turn, round by round: a machine that slows down slows all of them, and ratios stay."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Cost = TypeVar("Cost")


@dataclass(frozen=True)
class Spread:
    """The median of all rounds, between the lowest and the highest quarter of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of values, at least one."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Row:
    """What one contestant costs at one task.

    cost: in `unit`; less is better. ratio: how many times as much the reference costs, round by round, so
    above 1 is better than it; None for the reference itself. goal: the least ratio that was aimed at.
    """

    task: str
    contestant: str
    unit: str
    cost: Spread
    reference: str
    ratio: Spread | None = None
    goal: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met by the median; None where there is no goal."""
        return None if self.goal is None or self.ratio is None else self.ratio.median >= self.goal


def compare(
    task: str,
    unit: str,
    contestants: Mapping[str, Callable[[], float]],
    reference: str,
    rounds: int,
    goals: Mapping[str, float] | None = None,
) -> list[Row]:
    """Run every contestant once a round, in the same order; one round before them is not counted.

    contestants: name → what does the task once and returns its cost in `unit`, above 0. reference: the name
    that the others are held against. goals: name → the least ratio wanted.
    """
    # What the libraries hold is not looked through again in the middle of a measurement.
    gc.collect()
    gc.freeze()
    try:
        costs = in_turn(contestants, rounds)
    finally:
        gc.unfreeze()
    return held_against(task, unit, costs, reference, goals)


def in_turn(
    contestants: Mapping[str, Callable[[], Cost]], rounds: int, before: int = 1
) -> dict[str, list[Cost]]:
    """What every contestant gives, once a round. before: rounds ahead of them that are not counted."""
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for counted in range(-before, rounds):
        for name, run in contestants.items():
            cost = run()
            if counted >= 0:
                costs[name].append(cost)
    return costs


def held_against(
    task: str,
    unit: str,
    costs: Mapping[str, Sequence[float]],
    reference: str,
    goals: Mapping[str, float] | None = None,
) -> list[Row]:
    """What `compare` gives, of costs that were counted elsewhere: for every name as many, round by round."""
    held = costs[reference]
    return [
        Row(
            task,
            name,
            unit,
            Spread.of(costs[name]),
            reference,
            None
            if name == reference
            else Spread.of([theirs / own for theirs, own in zip(held, costs[name], strict=True)]),
            (goals or {}).get(name),
        )
        for name in costs
    ]


def cpu_microseconds(call: Callable[[], Any], repeats: int, items: int = 1) -> Callable[[], float]:
    """What measures a call's processor time, of all threads of this process, in µs an item.

    Not the time on the wall: on a shared machine that also counts what others do.
    """

    def measure() -> float:
        began = time.process_time()
        for _ in range(repeats):
            call()
        return (time.process_time() - began) / repeats / items * 1e6

    return measure


def wall_microseconds(call: Callable[[], Any], repeats: int, items: int = 1) -> Callable[[], float]:
    """What measures the time that a call takes on the wall, in µs an item: where several processes or a
    device work."""

    def measure() -> float:
        began = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - began) / repeats / items * 1e6

    return measure
