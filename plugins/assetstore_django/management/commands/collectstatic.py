"""``manage.py collectstatic``: into a store it compares with one listing, and uploads many files at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

from assetstore_django.batch import Batch, Content, content_of
from assetstore_django.manifest import ManifestAssetStorage
from assetstore_django.storage import AssetStorage


class Command(collectstatic.Command):  # type: ignore[misc]  # Django has no types
    """Django's command, but for how files get into an ``AssetStorage``; for other storages it is Django's own.

    A file is unchanged if the store has it with the same digest, whatever the times of both say.
    """

    storage: Any
    post_process: bool
    batch: Batch
    found: dict[str, Content]

    def collect(self) -> dict[str, list[str]]:
        """Find the files as Django does, then compare and upload them together, then post-process them."""
        if not isinstance(self.storage, AssetStorage):
            return super().collect()  # type: ignore[no-any-return]  # Django has no types
        storage = self.storage
        self.batch, self.found = Batch(storage), {}
        self.storage = _Collecting(storage, self.upload_found, self.batch if self.post_process else None)
        self.post_process = True  # in its name, the files are uploaded
        try:
            return super().collect()  # type: ignore[no-any-return]  # Django has no types
        finally:
            self.storage = storage

    def clear_dir(self, path: str) -> None:
        """Delete all files below the storage's location."""
        if not isinstance(self.storage, _Collecting):
            super().clear_dir(path)
            return
        for key in sorted(self.batch.stored) if self.dry_run else self.batch.clear():
            self.log(f"{'Pretending to delete' if self.dry_run else 'Deleting'} '{key}'", level=1)

    def copy_file(self, path: str, prefixed_path: str, source_storage: Any) -> None:
        """Take note of a file that was found."""
        if isinstance(self.storage, _Collecting):
            self.found[prefixed_path] = content_of(source_storage, path)
        else:
            super().copy_file(path, prefixed_path, source_storage)

    def upload_found(self) -> None:
        """Upload the files that were found and that the storage has not."""
        found = self.found
        pretends_all = self.clear and self.dry_run
        changed = dict.fromkeys(found if pretends_all else self.batch.changed(found))
        for name in found:
            if name not in changed:
                self.unmodified_files.append(name)
                self.log(f"Skipping '{name}' (not modified)")
            elif self.dry_run:
                self.copied_files.append(name)
                self.log(f"Pretending to copy '{name}'", level=1)
        if not self.dry_run:
            for name in self.batch.upload({name: found[name] for name in changed}):
                self.copied_files.append(name)
                self.log(f"Copied '{name}'")


class _Collecting:
    """Stands for the storage while files are found; as Django's loop ends with post-processing, there they are uploaded."""

    def __init__(self, storage: AssetStorage, upload: Callable[[], None], batch: Batch | None) -> None:
        self._storage, self._upload, self._batch = storage, upload, batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def post_process(self, found: dict[str, Any], dry_run: bool) -> Iterator[Any]:
        """Upload, and post-process if that is wanted and the storage can."""
        self._upload()
        if self._batch is None or not hasattr(self._storage, "post_process"):
            return
        options = {"batch": self._batch} if isinstance(self._storage, ManifestAssetStorage) else {}
        yield from self._storage.post_process(found, dry_run=dry_run, **options)
