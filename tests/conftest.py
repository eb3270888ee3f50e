"""What all tests have in common."""

from __future__ import annotations

import signal

# Shells have what they run in the background ignore Ctrl-C, and programs inherit that. Tests
# that send it to programs of theirs mean it to be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
