"""A module whose import lasts in the process that wants it to: see `inherited_tasks`."""

import inherited_tasks

inherited_tasks.stay()
