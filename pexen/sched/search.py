"""A bounded search for an order with a shorter makespan.

An order is a list of ranks, one for each node, and is judged by a simulated run. Two
things are done in turns, both known from project scheduling:

- *Justification*: the run is simulated backwards, what ended last going first, and then
  forwards, what the backward run placed first in time going first (Li and Willis 1992;
  Valls, Ballestín and Quintanilla 2005, "Justification and RCPSP: a technique that pays").
  As long as that helps, it is done again.
- *Iterated local search*: the best ranks so far are perturbed, each by a random factor,
  and the run is justified in its turn (Lourenço, Martin and Stützle 2003).

Priorities always come before ranks, so no order violates them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .requests import Request
from .simulation import Schedule, Simulation, mirrored

_SPREAD = 0.25  # a perturbed rank is at most so much greater or smaller, as a part of it
_ROUNDING = 1e-9  # sums of seconds differ by less than this part of them


class Search:
    """The shortest run found so far, and the ranks that make it."""

    def __init__(
        self, simulation: Simulation, workers: int, ranks: Sequence[float], least: float
    ) -> None:
        """Begin with a run by `ranks`; `least` is the makespan, in seconds, none can be below."""
        # Configuration.
        self._simulation = simulation
        self._workers = workers
        self._least = least
        # State.
        self.ranks = ranks
        self.schedule = simulation.run(workers, ranks)
        self.runs = 0  # simulated since, backwards ones included

    def improve(self, runs: int, seed: int) -> None:
        """Simulate at most so many runs; the same ones for the same seed."""
        if runs < 2 or self._optimal():
            return
        rng = random.Random(f"pexen {seed}")
        backwards = mirrored(self._simulation, self.schedule)
        schedule = self.schedule
        while True:
            justified = self._justified(schedule, backwards)
            while justified.makespan < schedule.makespan and self._goes_on(runs):
                schedule, justified = justified, self._justified(justified, backwards)
            if not self._goes_on(runs - 1):
                return
            factors = [rng.uniform(1 - _SPREAD, 1 + _SPREAD) for _ in self.ranks]
            schedule = self._tried([r * f for r, f in zip(self.ranks, factors, strict=True)])
            if not self._goes_on(runs):
                return

    def makespan_if(self, requests: list[Request]) -> float:
        """The makespan of the best ranks if the tasks asked for these locks and resources."""
        return self._simulation.run(self._workers, self.ranks, requests=requests).makespan

    def _goes_on(self, runs: int) -> bool:
        """Whether there is something to be gained, and a justification is within the bounds."""
        return self.runs + 2 <= runs and not self._optimal()

    def _justified(self, schedule: Schedule, backwards: Simulation) -> Schedule:
        self.runs += 1
        return self._tried(backwards.run(self._workers, schedule.ends).ends)

    def _tried(self, ranks: Sequence[float]) -> Schedule:
        self.runs += 1
        schedule = self._simulation.run(self._workers, ranks)
        # Also if it is only as good: to move on finds more than to stay.
        if schedule.makespan <= self.schedule.makespan:
            self.ranks, self.schedule = ranks, schedule
        return schedule

    def _optimal(self) -> bool:
        return self.schedule.makespan <= self._least * (1 + _ROUNDING)
