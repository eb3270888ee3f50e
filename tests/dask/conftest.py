"""A cluster of processes on this machine, and the seeded graphs of the other pools' tests."""

from __future__ import annotations

import pathlib
import sys

# Appended, and handed on to the cluster's processes, which have to import the tasks.
sys.path.append(str(pathlib.Path(__file__).parents[1] / "pools"))
