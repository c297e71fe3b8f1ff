"""Compares the files of a storage with those that the rows of all models refer to, in bounded memory.

The names in the database go into a temporary SQLite file first. Then the listing of the store is held against it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import attrs
from django.apps import apps
from django.conf import STATICFILES_STORAGE_ALIAS
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import storages
from django.db import connections, models, router

from assetstore import AssetInfo
from assetstore.plugin import limits
from assetstore_django.storage import AssetStorage

_PAGE = 500  # SQLite takes no more parameters in old versions, Oracle 1,000
_UNFINISHED = re.compile(rf"(?:^|/){limits.PENDING}[0-9a-f]{{32}}", re.ASCII)


@attrs.frozen
class Column:
    """A field whose values are names of files in the store.

    Attributes:
        field: of a model that has a table.
        storage: the one that keeps them; with its location a name is a key.
    """

    field: models.Field[Any, Any]
    storage: AssetStorage

    @property
    def location(self) -> str:
        """The beginning of the keys."""
        return self.storage.location

    def pages(self) -> Iterator[list[str]]:
        """Yield the keys of all rows in all databases of the model, page by page in the order of the primary keys."""
        for alias in connections:
            if not router.allow_migrate_model(alias, self.field.model):
                continue
            # No manager: one of the model's may leave out rows, for example those that are only marked as deleted.
            rows = models.QuerySet(self.field.model, using=alias).order_by("pk").values_list("pk", self.field.attname)
            page = list(rows[:_PAGE])
            while page:
                yield [self._key(str(name)) for _, name in page if name]
                page = list(rows.filter(pk__gt=page[-1][0])[:_PAGE])

    def default_key(self) -> str:
        """Return the key of the file that new rows refer to; that of no file where there is none."""
        name = self.field.get_default()
        return self._key(str(name)) if name else ""

    def among(self, keys: Sequence[str]) -> set[str]:
        """Return those of these keys that a row has now."""
        own = [key.removeprefix(self.location) for key in keys if key.startswith(self.location)]
        found: set[str] = set()
        for alias in connections:
            if router.allow_migrate_model(alias, self.field.model):
                rows = models.QuerySet(self.field.model, using=alias).filter(**{f"{self.field.attname}__in": own})
                found |= {self._key(str(name)) for name in rows.values_list(self.field.attname, flat=True)}
        return found

    def _key(self, name: str) -> str:
        # A row finds its file however its name is spelled, so a comparison must too.
        try:
            return self.location + self.storage.key(name)
        except SuspiciousFileOperation:  # no file has this name
            return self.location + name


def columns_of(storage: AssetStorage, also: Iterable[str]) -> list[Column]:
    """Return the columns that refer to files of a storage.

    Those are the ``FileField`` of all models that have a table whose storage is in the same store, the texts that
    django-simple-history makes of them, and the fields named in ``also``, such as ``app.Model.name``.

    Raises:
        ValueError: there is no such field, or the storage has files to which no row refers at all.
    """
    _require_no_static_files(storage)
    columns = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or model._meta.swapped:
            continue
        # django-simple-history makes texts of the files of the model that it names here.
        described = getattr(model, "instance_type", model)._meta
        files = {field.name: field for field in described.get_fields() if isinstance(field, models.FileField)}
        for field in model._meta.local_concrete_fields:
            file = files.get(field.name)
            if file is not None and _is_of_same_store(storage, file.storage):
                columns.append(Column(field, file.storage))
    return [*columns, *(Column(_field(label), storage) for label in also)]


def _field(label: str) -> models.Field:
    model, _, name = label.rpartition(".")
    try:
        field = apps.get_model(model)._meta.get_field(name)
    except Exception as error:
        raise ValueError(f"there is no field {label!r}; write it as app.Model.field") from error
    if not isinstance(field, (models.CharField, models.TextField, models.FileField)):
        raise ValueError(f"{label!r} must be a text, each of whose values names a file; it is a {type(field).__name__}")
    return field


def _require_no_static_files(storage: AssetStorage) -> None:
    static: Any = storages[STATICFILES_STORAGE_ALIAS] if STATICFILES_STORAGE_ALIAS in storages.backends else None
    if _is_of_same_store(storage, static) and static.location == storage.location:
        where = repr(storage.location) if storage.location else "all of the store"
        hint = 'give STORAGES["staticfiles"] a location of its own'
        raise ValueError(f"static files must not be in the same location, {where}: no row refers to them; {hint}")


def _is_of_same_store(storage: AssetStorage, other: Any) -> bool:
    # If two stores describe themselves alike, files are kept to which nobody refers, and none is deleted.
    return isinstance(other, AssetStorage) and other.store.location == storage.store.location


def foreign_prefixes(storage: AssetStorage) -> tuple[str, ...]:
    """Return the keys' beginnings of other configured storages that lie inside of this one."""
    others = [storages[alias] for alias in storages.backends]
    locations = {other.location for other in others if _is_of_same_store(storage, other)}
    return tuple(one for one in locations if one.startswith(storage.location) and one != storage.location)


class Comparison:
    """The files of a storage and the names that the database has.

    Attributes:
        storage: what is examined.
        prefix: only names that begin so.
        columns: what refers to the files.
    """

    def __init__(self, storage: AssetStorage, prefix: str, columns: Sequence[Column]) -> None:
        """Read all names from the database."""
        self.storage: AssetStorage = storage
        self.prefix: str = prefix
        self.columns: Sequence[Column] = columns
        self._foreign = foreign_prefixes(storage)
        self._rows = sqlite3.connect("")  # a temporary file, which SQLite removes
        self._rows.execute("CREATE TABLE rows (key TEXT PRIMARY KEY, field TEXT, seen INTEGER DEFAULT 0) WITHOUT ROWID")
        for column in columns:
            for page in column.pages():
                found = [(key, str(column.field)) for key in page if self._is_own(key)]
                self._rows.executemany("INSERT OR IGNORE INTO rows (key, field) VALUES (?, ?)", found)
        for column in columns:  # a row to come refers to it, so it is no orphan; if no row does, it need not be there
            key = column.default_key()
            self._rows.execute("INSERT OR IGNORE INTO rows (key, field, seen) VALUES (?, ?, 1)", (key, str(column.field)))

    def _is_own(self, key: str) -> bool:
        return key.startswith(self.storage.location + self.prefix) and not key.startswith(self._foreign)

    def orphans(self) -> Iterator[AssetInfo]:
        """Yield the files that no row refers to, except unfinished uploads and those of storages inside of this one."""
        for info in self.storage.store.list(self.prefix):
            key = self.storage.location + info.key
            if not self._is_own(key) or _UNFINISHED.search(key):
                continue
            if self._rows.execute("UPDATE rows SET seen = 1 WHERE key = ?", (key,)).rowcount == 0:
                yield info

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield name and field of each file that a row refers to and ``orphans``, which must have ended, did not see."""
        rows = self._rows.execute("SELECT key, field FROM rows WHERE NOT seen ORDER BY key")
        return ((key.removeprefix(self.storage.location), field) for key, field in rows)

    def old(self, orphans: Iterable[AssetInfo], older_than: timedelta) -> Iterator[list[str]]:
        """Yield pages of names of orphans that were stored longer ago, and that no row refers to by now either."""
        before, location = datetime.now(UTC) - older_than, self.storage.location
        old = (info.key for info in orphans if info.last_modified is not None and info.last_modified < before)
        while page := list(islice(old, _PAGE)):
            keys = [location + name for name in page]
            taken = {key for column in self.columns for key in column.among(keys)}
            yield [name for name in page if location + name not in taken]

    def close(self) -> None:
        """Remove the temporary file."""
        self._rows.close()
