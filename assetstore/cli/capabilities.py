"""Reports what each installed backend can do, from its class, without building it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from assetstore.cli.session import Session
from assetstore.cli.text import plain
from assetstore.entry_points import installed_plugins, load_factory
from assetstore.hooks import OPTIONAL, REQUIRED
from assetstore.options import OPERATIONS, every
from assetstore.stack import swaps_updates
from assetstore.wrapper import Wrapper

CAPABILITIES = (
    *(name for op in (*REQUIRED, *OPTIONAL) for name in (op, *(sorted(every(op)) if op in OPERATIONS else ()))),
    *sorted(every("update")),
)

ITSELF, BY_THE_STORE, REFUSED, DEPENDS = "yes", "store", "no", "?"
MARKS = {REFUSED: "-"}
LEGEND = "yes: the backend does it; store: the store does it by other calls; -: not supported"
LEGEND_OF_DEPENDS = "?: depends on the backend's settings"


@attrs.frozen
class Backend:
    """An installed backend.

    Attributes:
        name: the plugin's name.
        hooks: the operations that it implements.
        supports: the options that it honours, or ``None`` if only a built object knows.
    """

    name: str
    hooks: frozenset[str]
    supports: frozenset[str] | None

    def capabilities(self) -> dict[str, str]:
        """Return who provides each capability."""
        return {capability: self._who(capability) for capability in CAPABILITIES}

    def _who(self, capability: str) -> str:
        op, _, field = capability.partition(".")
        supports = self.supports or frozenset()
        if op in ("url", "path") and op in self.hooks:
            # Backends have the hook whether or not they have a public URL, or a profile that has no files.
            return DEPENDS
        if op == "update":
            return self._who_updates()
        if op in self.hooks and (not field or capability in {*supports, "list.limit"}):
            return ITSELF
        if op == "presign_many" and "presign" in self.hooks:
            return BY_THE_STORE
        # The store itself copies by a read and an upload, downloads by a read, and uploads many by one after the other.
        through = "read.if_match" if field == "if_match" else f"upload.{field}"
        if op in ("download", "upload_many") or (op == "copy" and (not field or through in supports)):
            return BY_THE_STORE
        return DEPENDS if field and op in self.hooks and self.supports is None else REFUSED

    def _who_updates(self) -> str:
        if self.supports is None:
            return DEPENDS
        if not swaps_updates(self.supports, copies="copy" in self.hooks):
            return REFUSED
        return ITSELF if "copy" in self.hooks and "copy.if_match" in self.supports else BY_THE_STORE


def installed_backends() -> tuple[Backend, ...]:
    """Return the installed plugins that are backends."""
    found = []
    for info in installed_plugins():
        if info.error is not None or not set(REQUIRED) <= set(info.hooks):
            continue
        factory = load_factory(info.name)
        if isinstance(factory, type) and issubclass(factory, Wrapper):
            continue
        found.append(Backend(info.name, frozenset(info.hooks), _supports(factory)))
    return tuple(found)


def _supports(factory: Any) -> frozenset[str] | None:
    supports = getattr(factory, "supports", ())
    if not isinstance(supports, property):
        return frozenset(supports)
    # The property may depend on settings, so an object that was never built gets their defaults.
    bare = object.__new__(factory)
    try:
        for field in attrs.fields(factory):
            if field.default is not attrs.NOTHING:
                object.__setattr__(bare, field.name, field.default)
        return frozenset(bare.supports)
    except Exception:  # a third party's property may need a built object
        return None


def show_capabilities(session: Session) -> None:
    """Write the matrix: a row for each capability, a column for each backend."""
    columns: Mapping[str, dict[str, str]] = {backend.name: backend.capabilities() for backend in installed_backends()}
    if session.as_json:
        for name, capabilities in columns.items():
            session.record({"name": name, "capabilities": capabilities})
        return
    cells = {name: [MARKS.get(who, who) for who in capabilities.values()] for name, capabilities in columns.items()}
    rows = [[capability, *(cells[name][number] for name in cells)] for number, capability in enumerate(CAPABILITIES)]
    session.table(["capability", *map(plain, columns)], rows)
    session.talk(LEGEND)
    if any(DEPENDS in column for column in cells.values()):
        session.talk(LEGEND_OF_DEPENDS)
