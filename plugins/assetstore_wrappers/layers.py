"""The wrappers between a layer and its backend, for one that cannot stand above each other one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assetstore.plugin import Hooks, Wrapper


def wrappers_from(hooks: Hooks) -> Iterator[Wrapper]:
    """Yield the wrapper that has these hooks, and those below it."""
    caller: Any = getattr(hooks, "assetstore_upload", None)
    # A test may make a wrapper over nothing, or over a bare backend.
    for implementation in caller.get_hookimpls() if hasattr(caller, "get_hookimpls") else ():
        if isinstance(implementation.plugin, Wrapper):
            yield implementation.plugin
            yield from wrappers_from(implementation.plugin.inner)
