"""The test kit for authors of plugins: a memory backend, a backend that fails on purpose, a recording observer.

The contract needs pytest: ``from assetstore.testing.contract import BackendContract``. The state machine needs hypothesis
too: ``from assetstore.testing.machine import StoreMachine, walk``.
"""

from assetstore.testing.faults import Fault, Flip, Hang, Raise, Return, Trickle, Truncate
from assetstore.testing.faulty import FaultyBackend
from assetstore.testing.memory import MemoryBackend
from assetstore.testing.observer import RecordingObserver

__all__ = [
    "Fault",
    "FaultyBackend",
    "Flip",
    "Hang",
    "MemoryBackend",
    "Raise",
    "RecordingObserver",
    "Return",
    "Trickle",
    "Truncate",
]
