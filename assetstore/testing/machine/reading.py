"""The rules of the state machine that read, look up and list."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import precondition

from assetstore.errors import NotFoundError
from assetstore.keys import normalize_key, normalize_prefix
from assetstore.options import TEXT_HEADERS
from assetstore.testing.machine.keys import THERE, WHO, Client, fold, is_prefix
from assetstore.testing.machine.model import Answer, Asset, Outcome, Step, World, refusals
from assetstore.testing.machine.script import Code, call, indented
from assetstore.testing.machine.walker import Walker, walks

POSITION = st.integers(0, 3) | st.integers(0, 50) | st.integers(0, 200_000)
LIMIT = st.none() | st.integers(0, 5)


class ReadingRules(Walker):
    """Reads without changing anything."""

    def reading(self, client: Client, key: str) -> Step:
        """Return the step that reads a whole asset."""
        code = call(f"{client.name}.read", client.inner(key))
        return Step(code=code, outcomes=_found(key, lambda asset: asset.data), ops=("read",), whole=True)

    def stating(self, client: Client, key: str) -> Step:
        """Return the step that looks an asset up."""
        known = [name for name in TEXT_HEADERS if self.can(f"upload.{name}")]
        metadata = self.can("upload.metadata")

        def facts(asset: Asset) -> Answer:
            listed = [client.seen(key), len(asset.data), *(asset.headers.get(name) for name in known)]
            return (*listed, dict(asset.headers.get("metadata", {}))) if metadata else tuple(listed)

        names = ["it.key", "it.size", *(f"it.{name}" for name in known), *(["dict(it.metadata)"] if metadata else [])]
        code = call(f"{client.name}.stat", client.inner(key))
        return Step(code=code, view=f"({', '.join(names)})", outcomes=_found(key, facts), ops=("stat",))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, version=st.none() | THERE)
    def read(self, who: str, key: str, version: str | None) -> None:
        """Read an asset, possibly only if it has a certain ETag."""
        version = version if self.can("read.if_match") else None
        client, full = self.client(who, key, version or key), normalize_key(key)
        options = {} if version is None else {"if_match": Code(call(f"{client.name}.stat", client.inner(version)) + ".etag")}

        def outcomes(world: World) -> list[Outcome]:
            refused = refusals(world, full, version and normalize_key(version), NotFoundError)
            refused = refused if full in world else [NotFoundError]
            return [(world[full].data if error is None else error, world) for error in refused]

        code = call(f"{client.name}.read", client.inner(key), **options)
        self.take(Step(code=code, outcomes=outcomes, client=who, ops=("read",), whole=True))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE)
    def stat(self, who: str, key: str) -> None:
        """Look an asset up."""
        self._take_as(who, self.stating(self.client(who, key), key))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE)
    def exists(self, who: str, key: str) -> None:
        """Ask whether there is an asset."""
        client, full = self.client(who, key), normalize_key(key)
        code = call(f"{client.name}.exists", client.inner(key))
        self.take(Step(code=code, outcomes=lambda world: [(full in world, world)], client=who, ops=("stat",)))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, offset=POSITION, length=st.none() | POSITION)
    def read_range(self, who: str, key: str, offset: int, length: int | None) -> None:
        """Read a range of an asset."""
        if not (self.can("read.offset") and self.can("read.length")):
            return
        end = None if length is None else offset + length
        client = self.client(who, key)
        options = {"offset": offset} if length is None else {"offset": offset, "length": length}
        code = call(f"{client.name}.read", client.inner(key), **options)
        found = _found(key, lambda asset: asset.data[offset:end])
        self._take_as(who, Step(code=code, outcomes=found, ops=("read",)))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, size=st.integers(0, 10))
    def peek(self, who: str, key: str, size: int) -> None:
        """Read only the beginning."""
        client = self.client(who, key)
        head = f"with {call(f'{client.name}.open', client.inner(key))} as reader:"
        code = indented(head, f"it = (reader.info.size, reader.read({size}))")
        beginning = _found(key, lambda asset: (len(asset.data), asset.data[:size]))
        self._take_as(who, Step(code=code, outcomes=beginning, ops=("read",)))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE)
    def download(self, who: str, key: str) -> None:
        """Read an asset into a file."""
        client = self.client(who, key)
        info = call(f"{client.name}.download", client.inner(key), Code("folder / 'down'"))
        code = f"{info}\nit = (folder / 'down').read_bytes()"
        op = "download" if self.has("download") else "read"
        self._take_as(who, Step(code=code, outcomes=_found(key, lambda asset: asset.data), ops=(op,), whole=True))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, cut=st.integers(0, 8), limit=LIMIT, start=st.none() | THERE, flat=st.booleans())
    def look_through(self, who: str, key: str, cut: int, limit: int | None, start: str | None, flat: bool) -> None:
        """List the keys with the beginning of a key."""
        start = start if self.can("list.start_after") else None
        flat = flat and self.can("list.recursive")
        client = self.client(who, key, start or key)
        prefix = client.prefix + client.inner(key)[:cut]
        prefix = prefix if is_prefix(prefix) else client.prefix
        options = {"limit": limit, "start_after": start and client.inner(start), "recursive": False if flat else None}
        given = {name: value for name, value in options.items() if value is not None}
        listed = call(f"{client.name}.list", client.inner(prefix), **given)

        def outcomes(world: World) -> list[Outcome]:
            return [(_names(client, world, prefix, start, flat)[:limit], world)]

        code = f"[entry.key for entry in {listed}]"
        self.take(Step(code=code, outcomes=outcomes, client=who, ops=() if limit == 0 else ("list",)))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, cut=st.integers(0, 3), limit=st.integers(1, 4), flat=st.booleans())
    def turn_pages(self, who: str, key: str, cut: int, limit: int, flat: bool) -> None:
        """List page by page."""
        if not self.can("list.cursor"):
            return
        flat = flat and self.can("list.recursive")
        client = self.client(who, key)
        prefix = client.prefix + client.inner(key)[:cut]
        prefix = prefix if is_prefix(prefix) else client.prefix
        options = {"limit": limit, **({"recursive": False} if flat else {})}
        page = call(f"{client.name}.list_page", client.inner(prefix), cursor=Code("cursor or None"), **options)
        code = f"it, cursor = [], ''\nwhile cursor is not None:\n    page = {page}\n"
        code += "    it, cursor = it + [*page.items, *page.prefixes], page.next_cursor"

        def outcomes(world: World) -> list[Outcome]:
            return [(_names(client, world, prefix, None, flat), world)]

        view = "sorted(entry.key for entry in it)" if flat else "[entry.key for entry in it]"
        self.take(Step(code=code, view=view, outcomes=outcomes, client=who, ops=("list",)))

    def _take_as(self, who: str, step: Step) -> None:
        self.take(attrs.evolve(step, client=who))


def _found(key: str, answer: Callable[[Asset], Answer]) -> Callable[[World], list[Outcome]]:
    """Return the outcomes of a read: ``answer`` of the asset, or NotFoundError."""
    full = normalize_key(key)
    return lambda world: [(answer(world[full]) if full in world else NotFoundError, world)]


def _names(client: Client, world: World, prefix: str, start: str | None, flat: bool) -> list[str]:
    """Return the keys that a listing shows to the client."""
    prefix = normalize_prefix(prefix)
    after = "" if start is None else normalize_key(start)
    keys = [key for key in sorted(world) if key.startswith(prefix) and key > after]
    if flat:
        keys = list(dict.fromkeys(fold(key, prefix) for key in keys))
    return [client.inner(key) for key in keys]
