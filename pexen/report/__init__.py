"""Reports of a run, in the formats that other programs read."""

from .jsonl import Lines
from .junit import junit
from .live import Live
from .tap import tap
from .trace import trace

__all__ = ["Lines", "Live", "junit", "tap", "trace"]
