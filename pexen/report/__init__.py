"""Reports of a run, in the formats that other programs read, and a page for people."""

from .html import html
from .junit import junit
from .tap import tap
from .trace import trace

__all__ = ["html", "junit", "tap", "trace"]
