"""The rules of the state machine for faults, calls that hang, and closed stores."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from assetstore.keys import normalize_key
from assetstore.testing.machine.keys import KEY
from assetstore.testing.machine.model import KINDS, Outcome, Step, World, put
from assetstore.testing.machine.script import Code, call
from assetstore.testing.machine.walker import Walker, walks


class FailingRules(Walker):
    """Causes trouble."""

    @precondition(Walker.may_meet_trouble)
    @walks(kind=st.sampled_from(KINDS), number=st.integers(0, 2))
    def meet_trouble(self, kind: str, number: int) -> None:
        """Set a fault for the next step, which may then leave the old state or the new one."""
        self.fault: tuple[str, int] = kind, number

    @walks(key=KEY, data=st.binary(max_size=8), late=st.booleans())
    def hang(self, key: str, data: bytes, late: bool) -> None:
        """List while an upload hangs, before or after its work."""
        full, asset = normalize_key(key), self.asset(key, data, {})
        code = f"""hang = {call("Hang", op="upload", late=late)}
with ThreadPoolExecutor(1) as pool, faulty.failing(hang):
    waiting = {call("pool.submit", Code("store.upload"), data, key)}
    hang.reached.wait(30)
    it = [item.key for item in store.list()]
    hang.release()
    waiting.result(30)"""

        def outcomes(world: World) -> list[Outcome]:
            after = put(world, full, asset)
            return [(sorted(after if late else world), after)]

        self.take(Step(code=code, outcomes=outcomes, changes=(full,)))

    @precondition(Walker.may_reopen)
    @walks(name=st.sampled_from(["store", "other"]))
    def reopen(self, name: str) -> None:
        """Close a store and open it again."""
        self.opened_at: int = len(self.taken)
        if name in self.script.names:
            code = f"{name}.close()\n{self.opening_of(name)}"
            self.take(Step(code=code, outcomes=lambda world: [(None, world)], client=name))
