"""Reports of a run, in the formats that other programs read."""

from .junit import junit
from .tap import tap
from .trace import trace

__all__ = ["junit", "tap", "trace"]
