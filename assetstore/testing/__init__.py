"""What a plugin's author needs for tests: a backend in memory, stand-ins that fail, an observer that remembers.

The contract itself needs pytest and is imported explicitly: ``from assetstore.testing.contract import BackendContract``; the
state machine needs hypothesis: ``from assetstore.testing.machine import StoreMachine``.
"""

from assetstore.testing.faulty import FaultyBackend, Flip, Raise, Return, Truncate
from assetstore.testing.memory import MemoryBackend
from assetstore.testing.observer import RecordingObserver

__all__ = ["FaultyBackend", "Flip", "MemoryBackend", "Raise", "RecordingObserver", "Return", "Truncate"]
