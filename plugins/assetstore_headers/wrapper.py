"""The wrapper: looks up the key of an upload among globs, and passes everything else on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import attrs

from assetstore.plugin import (
    AssetInfo,
    ConfigError,
    InvalidOptionError,
    NewAsset,
    Source,
    UploadManyOptions,
    UploadOptions,
    Wrapper,
    glob_covers,
    hookimpl,
)


def _read_only(value: Mapping[str, str]) -> Mapping[str, str]:
    """Return a copy of the table.

    Raises:
        ConfigError: a glob or a value is not valid; ``problems`` lists every mistake.
    """
    problems = []
    for glob, text in value.items():
        try:
            glob_covers(glob, "")
            UploadOptions(cache_control=text)
        except InvalidOptionError as error:
            problems.append(f"cache_control.{glob!r}: {error.message}")
    if problems:
        raise ConfigError("\n  ".join(problems), problems=tuple(problems))
    return MappingProxyType(dict(value))


@attrs.define(eq=False)
class DefaultHeaders(Wrapper):
    """Gives uploads headers that they come without.

    They are set by ``upload``, ``writer`` and the command ``upload``. A signed PUT and a direct upload keep the headers that
    they were signed with. ``""`` given for a header sets none.

    Attributes:
        cache_control: Cache-Control by glob; the first that matches decides. A glob without ``/`` is compared with the name
            of the asset and of each folder above it.
    """

    supports: ClassVar[frozenset[str]] = frozenset({"upload.*", "upload_many.*"})
    passes: ClassVar[frozenset[str]] = frozenset(
        {"download", "copy", "presign", "presign_many", "url", "path", "check", "collect"}
        | {"begin_parts", "list_parts", "end_parts", "application"}
    )

    cache_control: Mapping[str, str] = attrs.field(kw_only=True, factory=dict, converter=_read_only)

    @hookimpl
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Upload with the header of the first glob that matches, unless the caller gave one."""
        return self.inner.assetstore_upload(key=key, source=source, options=self._completed(key, options))

    @hookimpl
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Upload each as if alone, together where the layer below can."""
        completed = [attrs.evolve(item, options=self._completed(item.key, item.options)) for item in items]
        return self.inner.assetstore_upload_many(items=completed, options=options)

    def _completed(self, key: str, options: UploadOptions) -> UploadOptions:
        if options.cache_control is not None:
            return options
        found = next((text for glob, text in self.cache_control.items() if glob_covers(glob, key)), None)
        return attrs.evolve(options, cache_control=found)
