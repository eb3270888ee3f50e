"""`python3 -m pexen`: the same as the console script `pexen`."""

import sys

from .cli import main

if __name__ == "__main__":  # worker processes that are spawned import this module as well
    sys.exit(main())
