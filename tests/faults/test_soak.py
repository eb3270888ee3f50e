"""Row 34 of the fault matrix: many tasks, while random workers are killed all the time.

There are 200,000 tasks, as the matrix wants, if PEXEN_FULL_FAULTS=1 is set; else 5,000. A forked
worker is killed every 50 ms. The others take longer than that to start, so that there would soon
be none left: of them, which are given fewer tasks, one is killed every 500 ms.
"""

from __future__ import annotations

import gc
import pathlib
from typing import NamedTuple

import oracle
import pytest
from fault_programs import make
from program_support import FULL, wait_until
from soak_tasks import Killer, Tally, resident_kilobytes, tasks

from pexen import Sched
from pexen.sched import Outcome

FORKED, OTHERS = (200_000, 20_000) if FULL else (5_000, 1_000)
INTERVALS = {"fork": 0.05, "forkserver": 0.5, "spawn": 0.5}
LEAST_KILLS = 3
WORKERS = 4

SAMPLES = 20
# The run itself keeps an outcome and a result for each task, which is memory that grows.
KILOBYTES_A_TASK = 1.0
SLACK_KILOBYTES = 10_000


@pytest.fixture
def deadline() -> float:
    return 1800.0 if FULL else 60.0


class Sample(NamedTuple):
    """How much of the system's this process has."""

    kilobytes: int
    descriptors: int


def check_flat(samples: list[Sample], per_sample: int) -> None:
    """The later half of a run has no more than the earlier had."""
    early, late = samples[1 : SAMPLES // 2], samples[SAMPLES // 2 :]
    # A worker that is being replaced may be counted or not.
    assert max(s.descriptors for s in late) <= max(s.descriptors for s in early) + 12
    grown = late[-1].kilobytes - early[0].kilobytes
    allowed = KILOBYTES_A_TASK * per_sample * SAMPLES + SLACK_KILOBYTES
    assert grown <= allowed, f"{grown} kB more, of which {allowed:.0f} are accounted for"


def test_killing_workers_all_the_time_loses_no_more_than_their_tasks(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    count = FORKED if start_method == "fork" else OTHERS
    tally = Tally(str(tmp_path / "tally"), count)
    bodies = tasks(tally.path, count)
    sched = Sched(bodies)
    samples: list[Sample] = []
    lost = yielded = 0
    gc.collect()
    with Killer(34, INTERVALS[start_method], lambda: yielded) as killer:
        for res in sched.run(make(start_method, workers=WORKERS, spare=WORKERS)):
            yielded += 1
            lost += res.outcome is Outcome.LOST
            assert res.outcome in (Outcome.OK, Outcome.LOST), res.excinfo
            if yielded == count - 100:  # on a quick machine it would be over too soon
                assert wait_until(lambda: killer.kills >= LEAST_KILLS)
            if yielded % (count // SAMPLES) == 0:
                samples.append(Sample(resident_kilobytes(), len(oracle.descriptors())))
    assert yielded == len(sched.outcomes) == count
    assert lost <= killer.kills
    begun = tally.counts()
    assert max(begun) == 1
    assert begun.count(0) <= lost  # such a task was lost between being taken up and beginning
    check_flat(samples, count // SAMPLES)
    print(f"{count} tasks, {killer.kills} kills, {lost} lost, {samples[0]} -> {samples[-1]}")
