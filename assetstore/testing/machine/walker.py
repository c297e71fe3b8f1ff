"""Takes the steps of a walk and compares the visible state with the model after each one."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import attrs
from hypothesis.stateful import RuleBasedStateMachine, rule

from assetstore.content.content_types import guess_content_type
from assetstore.store import AssetStore
from assetstore.testing.faults import Fault
from assetstore.testing.machine.keys import KEYS, Client, scope_of
from assetstore.testing.machine.model import Asset, Outcome, Step, World, agrees, distinct, make_fault, outcomes_of
from assetstore.testing.machine.script import Script, assigned, call, indented

Taken: TypeAlias = tuple[Callable[..., None], Mapping[str, Any]]
"""A rule that was followed, and its arguments."""

_numbers = itertools.count(1)


class Divergence(AssertionError):  # noqa: N818 - either side may be wrong
    """Store and dict differ. The text is Python code that reproduces it.

    Attributes:
        taken: the rules that were followed, with their arguments.
    """

    def __init__(self, text: str, taken: Sequence[Taken]) -> None:
        super().__init__(text)
        self.taken: tuple[Taken, ...] = tuple(taken)


def walks(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """Return a decorator that makes a method a rule and records when it is followed."""

    def decorate(method: Callable[..., None]) -> Any:
        @functools.wraps(method)
        def noting(walker: Walker, **drawn: Any) -> None:
            walker.taken.append((noting, drawn))
            method(walker, **drawn)

        made: Callable[..., Any] = rule(**strategies)
        return made(noting)

    return decorate


class Walker(RuleBasedStateMachine):
    """Walks through a store.

    Attributes:
        opening: Python that opens the backend, always with the same assets; ``folder`` is a new folder, a Path.
        setup: Python that runs first, for example imports; it is printed with a failure.
        names: other names that both may use, for example functions that hold secrets.
        keys: the keys to use, of at most 1,000 bytes; the first 20, which should clash, are used most often.
        lacks: capabilities not to use although the store has them, for example ``"list.recursive"``.
        scope: for a shared store, a short prefix; the keys of each walk begin with it, a number and a slash.
        steps: how many steps were taken so far, in all walks.
    """

    opening: ClassVar[str]
    setup: ClassVar[str] = ""
    names: ClassVar[Mapping[str, object]] = {}
    keys: ClassVar[tuple[str, ...]] = KEYS
    lacks: ClassVar[frozenset[str]] = frozenset()
    scope: ClassVar[str] = ""
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._scoped = call(".scoped", f"{self.scope}{next(_numbers)}/") if self.scope else ""
        self.pool: tuple[str, ...] = self.keys[:20]
        self.taken: list[Taken] = []
        self.script: Script = Script(self.setup, self.names, Path(self._folder.name))
        self.worlds: list[World] = [{}]
        self.fault: tuple[str, int] | None = None
        self.opened_at = 0
        self._diverged = False
        self.open("store")

    def stock(self) -> list[str]:
        """Return the keys that should exist."""
        return sorted(self.worlds[0])

    # Preconditions are methods because hypothesis reads the source of a lambda each time.
    def stocked(self) -> bool:
        """Return whether any asset should exist."""
        return bool(self.worlds[0])

    def has_some(self) -> bool:
        """Return whether an asset may be deleted."""
        return len(self.worlds[0]) > 1

    def has_many(self) -> bool:
        """Return whether several assets may be deleted."""
        return len(self.worlds[0]) > 2

    def may_meet_trouble(self) -> bool:
        """Return whether a fault may be set; it adds possible worlds, which must stay few."""
        return self.fault is None and len(self.worlds) < 5

    def may_reopen(self) -> bool:
        """Return whether the last opening was more than five steps ago."""
        return len(self.taken) > self.opened_at + 5

    def opened(self, name: str) -> AssetStore:
        """Return an open store."""
        store: AssetStore = self.script.names[name]
        return store

    def opening_of(self, name: str) -> str:
        """Return the lines that open the store, or a second client of it."""
        if name == "other":
            return f"other = AssetStore({self.opening}){self._scoped}"
        return f"faulty = FaultyBackend({self.opening})\nstore = AssetStore(faulty){self._scoped}"

    def open(self, name: str) -> None:
        """Open a store and record it."""
        exec(self.opening_of(name), self.script.names)  # noqa: S102 - what is printed has to be what ran
        self.script.keep(self.opening_of(name))

    def client(self, who: str, *keys: str) -> Client:
        """Return the client for these keys: the store, the part of it that holds them, or a second client."""
        if who == "other":
            if "other" not in self.script.names:
                self.open("other")
            return Client("other")
        prefix = scope_of(*keys) if who == "scoped" else None
        return Client("store") if prefix is None else Client(call("store.scoped", prefix), prefix)

    def can(self, capability: str) -> bool:
        """Return whether the store has a capability that may be used."""
        return capability not in self.lacks and self.opened("store").can(capability)

    def has(self, op: str) -> bool:
        """Return whether the backend implements a hook."""
        return hasattr(self.script.names["faulty"], f"assetstore_{op}")

    def asset(self, key: str, data: bytes, headers: Mapping[str, Any]) -> Asset:
        """Return the asset that an upload of these should store."""
        stored = {name: value for name, value in headers.items() if value}
        if self.can("upload.content_type"):
            stored.setdefault("content_type", guess_content_type(key))
        return Asset(data, stored)

    def able(self, op: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that an operation supports."""
        return {name: value for name, value in options.items() if self.can(f"{op}.{name}")}

    def take(self, step: Step) -> None:
        """Take a step, then compare the store with the model."""
        type(self).steps += 1
        struck = self._take(step)
        by = "other" if "other" in self.script.names and step.client != "other" else "store"
        self._take(self._listing(by), kept=False)
        if not struck:
            for key in step.changes:
                self._look(by, key)

    def _take(self, step: Step, *, kept: bool = True) -> bool:
        """Run the code, keep the worlds that explain its answer, and return whether a fault struck."""
        fault = self._next_fault(step)
        code = step.code if fault is None else indented(call("with faulty.failing", fault) + ":", assigned(step.code))
        before = len(self.script.names["faulty"].struck)
        answer = self.script.run(code, step.view)
        struck = fault is not None and len(self.script.names["faulty"].struck) > before
        possible = [outcome for world in self.worlds for outcome in outcomes_of(step, fault if struck else None, world)]
        worlds = distinct(world for expected, world in possible if agrees(expected, answer))
        if not worlds:
            self._diverged = True
            text = self.script.ending(code, step.view, distinct(expected for expected, _ in possible), answer)
            raise Divergence(text, self.taken)
        self.worlds = worlds
        if kept:
            self.script.keep(code, answer)
        return struck

    def _next_fault(self, step: Step) -> Fault | None:
        """Return the fault that was set for this step, and clear it."""
        if self.fault is None or not step.ops or step.client == "other":
            return None
        (kind, number), self.fault = self.fault, None
        return make_fault(kind, step.ops[number % len(step.ops)], whole=step.whole)

    def _listing(self, name: str) -> Step:
        def outcomes(world: World) -> list[Outcome]:
            return [([(key, len(world[key].data)) for key in sorted(world)], world)]

        return Step(code=f"[(item.key, item.size) for item in {name}.list()]", outcomes=outcomes)

    def _look(self, name: str, key: str) -> None:
        for step in (self.reading(Client(name), key), self.stating(Client(name), key)):
            self._take(attrs.evolve(step, ops=()), kept=False)

    def reading(self, client: Client, key: str) -> Step:
        """Return the step that reads a whole asset."""
        raise NotImplementedError

    def stating(self, client: Client, key: str) -> Step:
        """Return the step that looks an asset up."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Read everything that should exist, then delete it."""
        try:
            if not self._diverged:
                for key in sorted(set().union(*self.worlds)):
                    self._look("store", key)
        finally:
            store = self.opened("store")
            store.delete_many(list(store.list()))
            store.close()
            if "other" in self.script.names:
                self.opened("other").close()
            self._folder.cleanup()
