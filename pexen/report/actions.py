"""What GitHub Actions is told of a run, as a report of a `Suite`."""

from __future__ import annotations

import os
import warnings

from ..util import PexenWarning
from . import github
from .record import Record


class GitHubActions(Record):
    """Prints annotations, and appends the summary of the step; nothing where it isn't GitHub's."""

    def end(self, interrupted: bool, /) -> None:
        super().end(interrupted)
        if github.wanted(os.environ):
            problem = github.tell(self.document(), print)
            if problem is not None:
                warnings.warn(problem, PexenWarning, stacklevel=2)
