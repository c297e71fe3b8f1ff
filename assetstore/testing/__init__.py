"""The test kit for authors of plugins: backends in memory, of computed assets and of faults, and a recording observer.

The contract needs pytest: ``from assetstore.testing.contract import BackendContract``. The state machine needs hypothesis
too: ``from assetstore.testing.machine import StoreMachine, walk``.
"""

from assetstore.testing.faults import Fault, Flip, Hang, Raise, Return, Trickle, Truncate
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.memory import MemoryBackend
from assetstore.testing.observer import RecordingObserver
from assetstore.testing.synthetic import SyntheticBackend

__all__ = [
    "Fault",
    "FaultyBackend",
    "Flip",
    "Hang",
    "MemoryBackend",
    "Raise",
    "RecordingObserver",
    "Return",
    "SyntheticBackend",
    "Trickle",
    "Truncate",
]
