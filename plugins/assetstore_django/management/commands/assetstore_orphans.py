"""Lists files that no row refers to, and files that rows refer to and that are missing; deletes the first if asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

from django.core.files.storage import InvalidStorageError, storages
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assetstore import AssetInfo
from assetstore_django.orphans import Comparison, columns_of
from assetstore_django.storage import AssetStorage

_LEAST_DAYS = 1
"""A form may refer to a direct upload for a day before a row does."""


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types
    """``manage.py assetstore_orphans``."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the options."""
        parser.add_argument("--storage", default="default", help="the alias in STORAGES; by default 'default'")
        parser.add_argument("--prefix", default="", help="only files whose names begin so, for example films/")
        parser.add_argument(
            "--also",
            action="append",
            default=[],
            metavar="APP.MODEL.FIELD",
            help="a text field that refers to files too, for example easy_thumbnails.Thumbnail.name",
        )
        parser.add_argument("--delete", action="store_true", help="delete the files that no row refers to")
        parser.add_argument("--older-than", type=float, metavar="DAYS", help="for --delete: only files stored this long ago")

    def handle(self, *_: Any, **options: Any) -> None:
        """Compare, print and delete."""
        days = options["older_than"]
        if options["delete"] and (days is None or days < _LEAST_DAYS):
            raise CommandError(f"--delete needs --older-than DAYS, at least {_LEAST_DAYS}: newer files may be of open forms")
        storage = self._storage(options["storage"])
        try:
            columns = columns_of(storage, options["also"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        with closing(Comparison(storage, options["prefix"], columns)) as comparison:
            orphans = self._shown(comparison.orphans())
            if options["delete"]:
                self._delete(comparison, orphans, timedelta(days=days))
            for _info in orphans:
                pass  # each was printed
            for name, field in comparison.missing():
                self.stdout.write(f"missing  {name}  ({field})")

    def _storage(self, alias: str) -> AssetStorage:
        try:
            storage = storages[alias]
        except InvalidStorageError as error:
            raise CommandError(f"STORAGES has no {alias!r}; it has {', '.join(sorted(storages.backends))}") from error
        if not isinstance(storage, AssetStorage):
            raise CommandError(f"the storage {alias!r} must be an AssetStorage, it is a {type(storage).__name__}")
        return storage

    def _shown(self, orphans: Iterator[AssetInfo]) -> Iterator[AssetInfo]:
        for info in orphans:
            stored = f"{info.last_modified:%Y-%m-%d}" if info.last_modified else "?"
            self.stdout.write(f"orphan   {info.key}  ({info.size} bytes, stored {stored})")
            yield info

    def _delete(self, comparison: Comparison, orphans: Iterator[AssetInfo], older_than: timedelta) -> None:
        deleted, failed = 0, 0
        for page in comparison.old(orphans, older_than):
            report = comparison.storage.store.delete_many(page)
            deleted += len(report.deleted)
            failed += len(report.failed)
            for failure in report.failed:
                self.stderr.write(f"not deleted: {failure.error}")
        self.stdout.write(f"deleted  {deleted} files")
        if failed:
            raise CommandError(f"{failed} files could not be deleted")
