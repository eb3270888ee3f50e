"""Public aids for testing what is built on pexen: virtual time and random graphs."""

from .graphs import RandomGraph, RandomTask, random_graph
from .virtual import VirtualPool

__all__ = ["RandomGraph", "RandomTask", "VirtualPool", "random_graph"]
