"""Shortens the steps to a divergence: fewer steps, and plainer ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from assetstore.testing.machine.walker import Divergence, Taken, Walker
from assetstore.testing.machine.writing import WritingRules

PLAIN: Mapping[str, Sequence[Any]] = {
    "changes": ({},),
    "condition": ("none",),
    "cut": (0,),
    "data": (b"", b"x", b"abc"),
    "flat": (False,),
    "headers": ({},),
    "kind": ("bytes",),
    "length": (None,),
    "limit": (None,),
    "move": (False,),
    "number": (0,),
    "offset": (1,),
    "overwrite": (True,),
    "start": (None,),
    "version": (None,),
    "who": ("store",),
}
"""Plainer arguments by name, the plainest first."""


def shorten(machine: type[Walker], found: Divergence) -> Divergence:
    """Return a divergence with fewer and plainer steps."""
    size = len(found.taken)
    while size := size // 2:
        found = _shorter(machine, found, size)
    for index in range(len(found.taken)):
        found = _uploaded(machine, found, index)
    # Twice: an early step may only become plainer after later ones did.
    for index in (*range(len(found.taken)), *range(len(found.taken))):
        for name in PLAIN:
            found = _plainer(machine, found, index, name)
    for key in machine.keys:
        found = _renamed(machine, found, key)
    return _shorter(machine, found, 1)


def _shorter(machine: type[Walker], found: Divergence, size: int) -> Divergence:
    """Leave out every ``size`` steps that are not needed, from the end to the front."""
    for end in range(len(found.taken), 0, -size):
        fewer = (*found.taken[: max(0, end - size)], *found.taken[end:])
        if len(fewer) < len(found.taken):
            found = _follow(machine, fewer) or found
    return found


def _uploaded(machine: type[Walker], found: Divergence, index: int) -> Divergence:
    """Replace another way of writing by an upload, if the divergence remains."""
    drawn = found.taken[index][1] if index < len(found.taken) else {}
    if not {"key", "data"} <= drawn.keys() or "kind" in drawn:
        return found
    plain = {"who": "store", "kind": "bytes", "headers": {}, "condition": "none", **drawn}
    plain.pop("late", None)
    taken = (*found.taken[:index], (WritingRules.upload, plain), *found.taken[index + 1 :])
    return _follow(machine, taken) or found


def _plainer(machine: type[Walker], found: Divergence, index: int, name: str) -> Divergence:
    """Use a plainer argument in one step, if the divergence remains."""
    for plain in PLAIN[name]:
        follow, drawn = found.taken[index] if index < len(found.taken) else (None, {})
        if follow is not None and name in drawn and drawn[name] != plain:
            taken = (*found.taken[:index], (follow, {**drawn, name: plain}), *found.taken[index + 1 :])
            plainer = _follow(machine, taken)
            if plainer is not None:
                return plainer
    return found


def _renamed(machine: type[Walker], found: Divergence, key: str) -> Divergence:
    """Replace a key by one of the first keys, if the divergence remains."""
    spellings = {key, unicodedata.normalize("NFC", key)}
    for plain in machine.keys[: machine.keys.index(key)][:3]:
        taken = tuple((follow, _replaced(drawn, spellings, plain)) for follow, drawn in found.taken)
        if taken != found.taken and (renamed := _follow(machine, taken)):
            return renamed
    return found


def _replaced(value: Any, keys: set[str], plain: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _replaced(item, keys, plain) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, keys, plain) for item in value)
    return plain if isinstance(value, str) and value in keys else value


def _follow(machine: type[Walker], taken: Sequence[Taken]) -> Divergence | None:
    """Return the divergence to which these steps lead, if there is one."""
    walker = machine()
    try:
        try:
            for follow, drawn in taken:
                follow(walker, **drawn)
        finally:
            walker.teardown()
    except Divergence as divergence:
        return divergence
    except Exception:
        # The steps no longer fit together, so they show nothing.
        return None
    return None
