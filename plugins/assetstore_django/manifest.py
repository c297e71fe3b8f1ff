"""``ManifestAssetStorage``: static files whose names hold a hash of their content, so that they may be cached for ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile

from assetstore_django.batch import Batch, Content, content_of
from assetstore_django.storage import AssetStorage


class _HeldFiles:
    """Files on their way: what Django's post-processing reads and writes, file by file, is answered without a request.

    Attributes:
        batch: what the storage has.
        files: what is to be stored.
    """

    def __init__(self, batch: Batch, originals: dict[str, tuple[Any, str]]) -> None:
        self.batch = batch
        self.files: dict[str, Content] = {}
        self._originals = originals

    def content(self, name: str) -> Content | None:
        """Return a file that was written, or one that was collected, which is here and in the storage."""
        if name in self.files:
            return self.files[name]
        return content_of(*self._originals[name]) if name in self._originals else None

    def has(self, name: str) -> bool:
        return name in self.files or name in self._originals or self.batch.has(name)

    def write(self, name: str, content: Any) -> str:
        path = getattr(getattr(content, "file", None), "name", None)
        if isinstance(path, str) and Path(path).is_file():
            self.files[name] = Path(path)
        else:
            content.seek(0)
            self.files[name] = content.read()
        return name

    def flush(self) -> None:
        """Upload what differs from what the storage has."""
        for _ in self.batch.upload({name: self.files[name] for name in self.batch.changed(self.files)}):
            continue
        self.files = {}


class _HoldingStorage(AssetStorage):
    """Keeps what is written back while ``post_process`` runs."""

    _held: _HeldFiles | None = None

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        return self._held.has(name) if self._held else super().exists(name)

    def delete(self, name: str) -> None:
        """Delete a file. What post-processing deletes it writes anew, so a stored one is replaced in one step."""
        if self._held:
            self._held.files.pop(name, None)
        else:
            super().delete(name)

    def url(self, name: str | os.PathLike[str] | None) -> str:
        """Return the URL of a file; while files are processed one that ends like it, of which Django takes the end alone."""
        return quote(os.fspath(name or "")) if self._held else super().url(name)

    def _open(self, name: str, mode: str = "rb") -> Any:
        content = self._held.content(name) if self._held else None
        if content is None:
            return super()._open(name, mode)
        return ContentFile(content if isinstance(content, bytes) else content.read_bytes(), name)

    def _save(self, name: str, content: Any) -> str:
        return self._held.write(name, content) if self._held else super()._save(name, content)


class ManifestAssetStorage(ManifestFilesMixin, _HoldingStorage):  # type: ignore[misc]  # Django has no types
    """Django's ``ManifestStaticFilesStorage`` over a store.

    ``collectstatic`` reads the files where they were found, uploads those whose digest differs from the stored one, many at
    a time, and replaces the manifest last, in one step. Older files stay, for pages that were sent before.
    """

    def __init__(self, *args: Any, public: bool = True, **options: Any) -> None:
        """Describe the storage as ``AssetStorage`` does.

        Args:
            *args: as ``AssetStorage``.
            public: must be ``True``; a style sheet names its pictures by relative URLs, which cannot be signed.
            **options: as ``AssetStorage``; and ``manifest_storage``, as Django's class.

        Raises:
            ImproperlyConfigured: the URLs would be signed.
        """
        if public is not True:
            raise ImproperlyConfigured(
                "public must be True for a ManifestAssetStorage: a style sheet names its pictures by relative URLs, which"
                " cannot be signed"
            )
        super().__init__(*args, public=public, **options)

    def post_process(
        self, paths: dict[str, tuple[Any, str]], dry_run: bool = False, *, batch: Batch | None = None, **options: Any
    ) -> Iterator[tuple[str, str | None, Any]]:
        """Hash the files that were collected, and yield their names, those with the hash, and whether they are new.

        Args:
            paths: the files that were found, each as its storage and its path there.
            dry_run: do nothing.
            batch: what the storage has, if that is known.
            **options: as Django's.
        """
        self._held = _HeldFiles(batch or Batch(self), paths)
        try:
            yield from super().post_process(paths, dry_run=dry_run, **options)
        finally:
            self._held = None

    def save_manifest(self) -> None:
        """Write the manifest, after all files that it names."""
        if self._held:
            self._held.flush()
        super().save_manifest()
        if self._held:
            self._held.flush()
