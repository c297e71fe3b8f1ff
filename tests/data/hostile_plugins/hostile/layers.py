"""Backends and a wrapper that break out."""

from __future__ import annotations

from typing import Any

from assetstore import AssetInfo
from assetstore.plugin import StatOptions, Wrapper, hookimpl
from assetstore.testing import MemoryBackend


class ExitInBackend(MemoryBackend):
    """Ends the program, and claims that it went well."""

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """End it."""
        raise SystemExit(0)


class InterruptInWrapper(Wrapper):
    """Claims that somebody pressed Ctrl-C."""

    @hookimpl
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo:
        """Claim it."""
        raise KeyboardInterrupt


class ExitInUrl(MemoryBackend):
    """Ends the program when its URL is read, and claims that it went well."""

    @classmethod
    def from_url(cls, url: Any) -> dict[str, str]:
        """End it."""
        raise SystemExit(0)


class OddBackend(MemoryBackend):
    """Does not tell where it is."""

    @property
    def location(self) -> Any:  # type: ignore[override]  # an attribute there
        """Fail."""
        raise RuntimeError("nowhere")
