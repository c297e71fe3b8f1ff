"""The rules of the state machine that upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition

from assetstore.errors import AlreadyExistsError, PreconditionError
from assetstore.keys import normalize_key
from assetstore.testing.machine.keys import KEY, THERE, WHO, Client
from assetstore.testing.machine.model import Answer, Outcome, Step, World, put, refusals
from assetstore.testing.machine.script import TAPE, Code, call, indented, literal
from assetstore.testing.machine.walker import Walker, walks
from assetstore.testing.samples import OTHER_SAMPLES, PLAIN

SOURCES = {
    "bytes": "{data}",
    "bytearray": "bytearray({data})",
    "file": "io.BytesIO({data})",
    "iterator": "iter([{head}, {tail}])",
    "path": "file",
    "name": "str(file)",
}

_long = st.builds(lambda start, size: TAPE[start : start + size], st.integers(0, 250), st.integers(0, 200_000))
DATA = st.binary(max_size=8) | st.binary(max_size=40) | _long
METADATA = st.dictionaries(
    st.text("abcxyz-", min_size=1, max_size=5).filter(lambda name: not name.startswith("-")),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12),
    max_size=3,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from([text, OTHER_SAMPLES[name]]) for name, text in PLAIN.items()},
        "metadata": METADATA,
    },
)
CONDITION = st.just("create") | st.tuples(THERE)
"""The condition of an upload: that the key is free, or that it has the ETag of a key, its own or another."""


OTHERS = st.runner().flatmap(lambda walker: st.lists(st.sampled_from(walker.keys), min_size=1, max_size=4))


class WritingRules(Walker):
    """Uploads whole or in pieces, successfully or not."""

    @initialize(start=st.integers(0, 19), others=OTHERS, stock=st.lists(DATA, min_size=1, max_size=4))
    def begin(self, start: int, others: list[str], stock: list[bytes]) -> None:
        """Choose some neighbours among the first 20 keys and some others, and upload a few assets."""
        first = self.keys[:20]
        self.pool: tuple[str, ...] = (*others, *(first[(start + step) % len(first)] for step in range(5)))
        for data, key in zip(stock, self.pool[::2], strict=False):
            self.upload(who="store", key=key, data=data, kind="bytes", headers={})

    @walks(who=WHO, key=KEY, data=DATA, kind=st.sampled_from(list(SOURCES)), headers=HEADERS)
    def upload(self, who: str, key: str, data: bytes, kind: str, headers: dict[str, Any], condition: Any = "none") -> None:
        """Write an asset from any kind of source."""

        def code(client: Client, options: dict[str, Any]) -> str:
            half = len(data) // 2
            texts = {"data": literal(data), "head": literal(data[:half]), "tail": literal(data[half:])}
            given = Code(SOURCES[kind].format(**texts))
            info = call(f"{client.name}.upload", given, client.inner(key), **options)
            if kind not in ("path", "name"):
                return info
            return f"file = folder / 'file'\nfile.write_bytes({literal(data)})\nit = {info}"

        self._write(who, key, data, headers, condition, code, view="(it.key, it.size)")

    @walks(who=WHO, key=KEY, data=DATA, kind=st.sampled_from(list(SOURCES)), headers=HEADERS, condition=CONDITION)
    def upload_if(self, **drawn: Any) -> None:
        """Write an asset under a condition."""
        self.upload(**drawn)

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, data=DATA)
    def upload_again(self, who: str, key: str, data: bytes) -> None:
        """Overwrite an asset."""
        self.upload(who=who, key=key, data=data, kind="bytes", headers={})

    @walks(who=WHO, key=KEY, data=DATA, headers=HEADERS, condition=st.just("none") | CONDITION)
    def write(self, who: str, key: str, data: bytes, headers: dict[str, Any], condition: Any) -> None:
        """Write an asset in pieces."""

        def code(client: Client, options: dict[str, Any]) -> str:
            head = f"with {call(f'{client.name}.writer', client.inner(key), **options)} as out:"
            return indented(head, f"out.write({literal(data[:5])})\nout.write({literal(data[5:])})")

        self._write(who, key, data, headers, condition, code, view="it")

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, data=DATA)
    def give_up(self, who: str, key: str, data: bytes) -> None:
        """Fail while writing in pieces: nothing changes."""
        client = self.client(who, key)
        head = f"with suppress(RuntimeError), {call(f'{client.name}.writer', client.inner(key))} as out:"
        code = indented(head, f"out.write({literal(data)})\nraise RuntimeError")
        self.take(Step(code=code, outcomes=lambda world: [(None, world)], client=who, changes=(normalize_key(key),)))

    @precondition(Walker.stocked)
    @walks(who=WHO, key=THERE, data=DATA)
    def dry_up(self, who: str, key: str, data: bytes) -> None:
        """Upload from an iterator that fails: nothing changes."""
        client, full = self.client(who, key), normalize_key(key)
        source = Code(f"itertools.chain([{literal(data)}], (1 // 0 for _ in 'x'))")
        code = call(f"{client.name}.upload", source, client.inner(key))
        self.take(Step(code=code, outcomes=lambda world: [(ZeroDivisionError, world)], client=who, changes=(full,)))

    def _write(
        self,
        who: str,
        key: str,
        data: bytes,
        headers: dict[str, Any],
        condition: Any,
        make_code: Callable[[Client, dict[str, Any]], str],
        *,
        view: str,
    ) -> None:
        """Take a step that writes an asset, under a condition if the store supports it."""
        create = condition == "create" and self.can("upload.overwrite")
        version = condition[0] if isinstance(condition, tuple) else None
        version = version if self.can("upload.if_match") else None
        client = self.client(who, key, version or key)
        headers = self.able("upload", headers)
        options = {**headers, **({"overwrite": False} if create else {})}
        if version is not None:
            options["if_match"] = Code(call(f"{client.name}.stat", client.inner(version)) + ".etag")
        asset, full = self.asset(key, data, headers), normalize_key(key)
        written: Answer = (client.seen(key), len(data)) if view != "it" else None

        def outcomes(world: World) -> list[Outcome]:
            if create and full in world:
                return [(AlreadyExistsError, world)]
            other = None if version is None else normalize_key(version)
            refused = refusals(world, full, other, PreconditionError)
            return [(written, put(world, full, asset)) if error is None else (error, world) for error in refused]

        code = make_code(client, options)
        self.take(Step(code=code, outcomes=outcomes, client=who, view=view, ops=("upload",), changes=(full,)))

