"""The random walks of figure 10: beside the faults of ``StoreMachine`` rivals, and in the bucket a failing network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from assetstore import AlreadyExistsError, AssetStore, PreconditionError
from assetstore.plugin import normalize_key
from assetstore.testing.machine import KEYS, StoreMachine, Walker
from assetstore.testing.machine.keys import KEY, THERE
from assetstore.testing.machine.model import Outcome, Step, World, put
from assetstore.testing.machine.script import call
from assetstore.testing.machine.walker import walks
from assetstore_r2.testing import Fault, LoseResponse, Reset, Status, Truncate

RIVALS = 4
TROUBLES: Mapping[str, Fault] = {
    "reset": Reset(after=100),
    "reset on the way up": Reset(after=2, direction="request"),
    "cut": Truncate(after=100),
    "503": Status(status=503),
    "500 behind the work": Status(status=500, late=True),
    "lost": LoseResponse(),
}
"""What strikes one request. The plugin has to survive each, so that the walk sees none of them."""


def compete(store: AssetStore, key: str, beginnings: Sequence[bytes], **condition: Any) -> list[int]:
    """Let rivals upload to a key at once, each under the same condition; return the numbers of those who did."""
    with ThreadPoolExecutor(len(beginnings)) as pool:
        tried = [pool.submit(store.upload, data, key, **condition) for data in beginnings]
    errors = [each.exception() for each in tried]
    for error in errors:
        if error is not None and not isinstance(error, AlreadyExistsError | PreconditionError):
            raise error
    return [number for number, error in enumerate(errors) if error is None]


class RivalMachine(StoreMachine):
    """A store with rivals: of several who write to one key under one condition, exactly one wins."""

    names: ClassVar[Mapping[str, object]] = {"compete": compete}

    def may_race(self) -> bool:
        """Return whether there is one possible world, so that the winner is the only choice."""
        return len(self.worlds) == 1 and self.fault is None

    @precondition(may_race)
    @walks(key=KEY, data=st.binary(max_size=8))
    def race_to_create(self, key: str, data: bytes) -> None:
        """Create an asset, four at once."""
        if self.can("upload.overwrite"):
            self._race(key, data, "overwrite=False", free=True)

    @precondition(may_race)
    @precondition(Walker.stocked)
    @walks(key=THERE, data=st.binary(max_size=8))
    def race_to_replace(self, key: str, data: bytes) -> None:
        """Replace a version of an asset, four at once."""
        if self.can("upload.if_match") and normalize_key(key) in self.worlds[0]:
            self._race(key, data, f"if_match={call('store.stat', key)}.etag", free=False)

    def _race(self, key: str, data: bytes, condition: str, *, free: bool) -> None:
        full = normalize_key(key)
        pieces = [bytes([number]) + data for number in range(RIVALS)]
        taken = "".join(f", {piece!r}" for piece in pieces)[2:]

        def outcomes(world: World) -> list[Outcome]:
            if free and full in world:
                return [([], world)]
            return [([number], put(world, full, self.asset(key, pieces[number], {}))) for number in range(RIVALS)]

        code = f"compete(store, {key!r}, [{taken}], {condition})"
        self.take(Step(code=code, outcomes=outcomes, changes=(full,)))


class MemoryRivals(RivalMachine):
    """A store in memory."""

    setup = "backend = MemoryBackend()"
    opening = "backend"


class LocalRivals(RivalMachine):
    """A store in a folder in which another process writes too; ``names`` has ``root``."""

    setup = "from assetstore_local import LocalBackend"
    opening = "LocalBackend(root=root)"
    scope = "w"


class BucketRivals(RivalMachine):
    """A store in a bucket in which another process writes too; ``names`` has ``open_bucket``, and ``network``, the proxy."""

    opening = "open_bucket()"
    scope = "w"
    # The emulator finds no route to these.
    keys = tuple(key for key in KEYS if not {"\u2028", "\u2029"} & {*key})

    @walks(trouble=st.sampled_from(sorted(TROUBLES)), nth=st.integers(1, 3))
    def meet_trouble_on_the_way(self, trouble: str, nth: int) -> None:
        """Let one of the next requests fail; nobody may notice."""
        code = f"network.inject(attrs.evolve(TROUBLES[{trouble!r}], nth={nth}))"
        self.take(Step(code=code, outcomes=lambda world: [(None, world)]))

