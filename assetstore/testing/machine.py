"""Random walks through a store beside a dict that must always agree with it. Needs hypothesis.

Override ``place``, and run it in a test::

    class MyMachine(StoreMachine):
        def place(self):
            backend = MyBackend()
            return lambda: AssetStore(backend)

    def test_random_walks_agree_with_a_dict():
        run_state_machine_as_test(MyMachine)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assetstore.errors import AlreadyExistsError, NotFoundError, PreconditionError
from assetstore.models import AssetInfo
from assetstore.store import AssetStore

KEYS = ("a", "a/", "a/b", "a//b", "a/b/c", "a-b", "a.b", "A", "b", "b%2Fc", "b c", "é", "😀/x", "\\x", "con")
PREFIXES = ("", "a", "a/", "a//", "b", "é", "😀", "none/")

# Read anew for every machine, so that a subclass may narrow them.
_key = st.runner().flatmap(lambda machine: st.sampled_from(machine.keys))
_data = st.one_of(st.binary(max_size=40), st.integers(0, 200_000).map(lambda size: b"x" * size))
_metadata = st.dictionaries(
    st.text("abcxyz-", min_size=1, max_size=5).filter(lambda name: not name.startswith("-")),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=20),
    max_size=3,
)
_place = st.integers(0, 50)


@attrs.frozen
class Expected:
    """What the dict holds for a key."""

    data: bytes
    metadata: dict[str, str]


class StoreMachine(RuleBasedStateMachine):
    """Does what users do in random order, and compares each answer with that of a dict.

    Attributes:
        keys: the keys to use.
    """

    keys: ClassVar[tuple[str, ...]] = KEYS

    def __init__(self) -> None:
        super().__init__()
        self.open = self.place()
        self.store = self.open()
        self.model: dict[str, Expected] = {}

    def place(self) -> Callable[[], AssetStore]:
        """Return a function that opens one store, empty at first, again and again."""
        raise NotImplementedError("override place()")

    def teardown(self) -> None:
        """Read all that should be there, and leave nothing."""
        for key, expected in self.model.items():
            assert expected.data == self.store.read(key)
        self.store.delete_many(list(self.store.list()))
        self.store.close()

    @rule(key=_key, data=_data, metadata=_metadata)
    def upload(self, key: str, data: bytes, metadata: dict[str, str]) -> None:
        """Write, or write over."""
        if not self.store.can("upload.metadata"):
            metadata = {}
        info = self.store.upload(data, key, metadata=metadata or None)
        assert (key, len(data)) == (info.key, info.size)
        self.model[key] = Expected(data, metadata)

    @rule(key=_key, data=_data)
    def write(self, key: str, data: bytes) -> None:
        """Write in pieces."""
        with self.store.writer(key) as out:
            out.write(data[:10])
            out.write(data[10:])
        self.model[key] = Expected(data, {})

    @precondition(lambda machine: machine.store.can("upload.overwrite"))
    @rule(key=_key, data=_data)
    def create(self, key: str, data: bytes) -> None:
        """Write create-only."""
        try:
            self.store.upload(data, key, overwrite=False)
        except AlreadyExistsError:
            assert key in self.model
            return
        assert key not in self.model
        self.model[key] = Expected(data, {})

    @precondition(lambda machine: machine.store.can("upload.if_match"))
    @rule(key=_key, other=_key, data=_data)
    def swap(self, key: str, other: str, data: bytes) -> None:
        """Write over one version, perhaps with an ETag of another key."""
        etag = self.store.stat(other).etag if other in self.model else "none"
        right = key in self.model and self.store.stat(key).etag == etag
        try:
            self.store.upload(data, key, if_match=etag)
        except PreconditionError:
            assert not right
            return
        assert right
        self.model[key] = Expected(data, {})

    @rule(key=_key)
    def look(self, key: str) -> None:
        """Read and stat."""
        expected = self.model.get(key)
        assert (expected is not None) == self.store.exists(key)
        if expected is None:
            assert self._is_missing(lambda: self.store.read(key))
            return
        info = self.store.stat(key)
        assert (key, len(expected.data), expected.metadata) == (info.key, info.size, dict(info.metadata or {}))
        assert expected.data == self.store.read(key)

    @precondition(lambda machine: machine.store.can("read.offset") and machine.store.can("read.length"))
    @rule(key=_key, offset=_place, length=st.none() | _place)
    def read_a_run(self, key: str, offset: int, length: int | None) -> None:
        """Read a part."""
        if key in self.model:
            end = None if length is None else offset + length
            assert self.model[key].data[offset:end] == self.store.read(key, offset=offset, length=length)

    @rule(prefix=st.sampled_from(PREFIXES), limit=st.none() | st.integers(0, 5), start=st.none() | _key, flat=st.booleans())
    def look_through(self, prefix: str, limit: int | None, start: str | None, flat: bool) -> None:
        """List, in all ways."""
        start = start if self.store.can("list.start_after") else None
        flat = flat and self.store.can("list.recursive")
        keys = [key for key in sorted(self.model) if key.startswith(prefix) and key > (start or "")]
        if flat:
            keys = list(dict.fromkeys(_fold(key, prefix) for key in keys))
        found = self.store.list(prefix, limit=limit, start_after=start, recursive=not flat)
        assert keys[:limit] == [entry.key for entry in found]

    @rule(keys=st.lists(_key, max_size=4))
    def delete(self, keys: list[str]) -> None:
        """Delete one or several."""
        if len(keys) == 1:
            self.store.delete(keys[0])
        else:
            report = self.store.delete_many(keys)
            assert (set(keys), ()) == (set(report.deleted), report.failed)
        for key in keys:
            self.model.pop(key, None)

    @rule(source=_key, destination=_key, overwrite=st.booleans(), move=st.booleans())
    def copy(self, source: str, destination: str, overwrite: bool, move: bool) -> None:
        """Copy or move."""
        overwrite = overwrite or source == destination or not self.store.can("copy.overwrite")
        operation = self.store.move if move else self.store.copy
        try:
            info = operation(source, destination, overwrite=overwrite)
        except NotFoundError:
            assert source not in self.model
            return
        except AlreadyExistsError:
            assert not overwrite
            assert destination in self.model
            return
        expected = self.model.pop(source) if move else self.model[source]
        assert (destination, len(expected.data)) == (info.key, info.size)
        self.model[destination] = expected

    @precondition(lambda machine: machine.store.can("update.metadata"))
    @rule(key=_key, metadata=_metadata)
    def update(self, key: str, metadata: dict[str, str]) -> None:
        """Change metadata."""
        if key not in self.model:
            assert self._is_missing(lambda: self.store.update(key, metadata=metadata))
            return
        self.store.update(key, metadata=metadata)
        self.model[key] = attrs.evolve(self.model[key], metadata=metadata)

    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        self.store.close()
        self.store = self.open()

    @invariant()
    def lists_what_the_dict_holds(self) -> None:
        """The whole listing has each key once, in order, with its size."""
        found = [(item.key, item.size) for item in self.store.list() if isinstance(item, AssetInfo)]
        assert [(key, len(expected.data)) for key, expected in sorted(self.model.items())] == found

    def _is_missing(self, operation: Callable[[], object]) -> bool:
        try:
            operation()
        except NotFoundError:
            return True
        return False


def _fold(key: str, prefix: str) -> str:
    head, slash, _ = key[len(prefix) :].partition("/")
    return prefix + head + slash
