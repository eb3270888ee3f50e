"""Reports of a run, in the formats that other programs read."""

from .junit import junit

__all__ = ["junit"]
