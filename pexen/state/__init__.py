"""What survives a run: how each task of it ended, in a folder, as a database."""

from .folder import StateBusyError, StateError, default_folder, held
from .keeper import Keeper, keeping
from .recorder import Recorder
from .recording import Ended, Recording
from .store import Store

__all__ = [
    "Ended",
    "Keeper",
    "Recorder",
    "Recording",
    "StateBusyError",
    "StateError",
    "Store",
    "default_folder",
    "held",
    "keeping",
]
