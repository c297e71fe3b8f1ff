"""``manage.py assetstore_orphans``: which files it calls orphans, which missing, and what it deletes."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from django_configured import configure

from assetstore import AssetStore
from assetstore.testing import MemoryBackend

configure()

from django.apps import apps  # noqa: E402 - Django must be configured first
from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.storage import storages  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402

from assetstore.plugin import ListOptions, ListPage, Wrapper, hookimpl  # noqa: E402
from assetstore_django import AssetStorage  # noqa: E402

Film, LongFilm = apps.get_model("django_media.Film"), apps.get_model("django_media.LongFilm")
HistoricalFilm = apps.get_model("django_media.HistoricalFilm")


class Aged(Wrapper):
    """A store in which all files whose names begin with ``old`` are a week old."""

    supports = frozenset({"list.*"})

    @hookimpl
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage:
        """Change the times."""
        page = self.inner.assetstore_list(prefix=prefix, options=options)
        before = datetime.now(UTC) - timedelta(days=7)
        items = [attrs.evolve(info, last_modified=before) if "/old" in info.key else info for info in page.items]
        return attrs.evolve(page, items=tuple(items))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[AssetStore]:
    """Give a store; files are below ``media/``, those of another storage below ``media/private/``."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    with AssetStore(MemoryBackend(), wrappers=[Aged]) as store:
        locations = {"default": "media", "private": "media/private"}
        aliases = {alias: AssetStorage(store, location=location) for alias, location in locations.items()}
        monkeypatch.setattr(storages, "_storages", aliases)
        monkeypatch.setattr(storages, "backends", aliases)
        for model in apps.get_app_config("django_media").get_models():
            for field in model._meta.local_fields:
                if hasattr(field, "storage"):
                    monkeypatch.setattr(field, "storage", aliases["default"])
        yield store
        Film.objects.all().delete()
        HistoricalFilm.objects.all().delete()


def run(*arguments: str) -> list[str]:
    """Run the command and return its lines."""
    output = io.StringIO()
    call_command("assetstore_orphans", *arguments, stdout=output)
    return [" ".join(line.split()[:2]) for line in output.getvalue().splitlines()]


def film(name: str, **more: Any) -> Any:
    """Save a film with a file."""
    film = Film(title=name)
    film.file.save(name, ContentFile(b"1"))
    return film


def test_orphans_and_missing_files_are_listed(store: AssetStore) -> None:
    """A file with no row, and a row without its file; what is in order, unfinished or another storage's is left out."""
    kept, lost = film("kept.txt"), film("lost.txt")
    store.delete(f"media/{lost.file.name}")
    for key in ("media/films/orphan.txt", "media/private/other.txt", "elsewhere.txt", f"media/pending/{'0' * 32}"):
        store.upload(b"1", key)
    assert ["orphan films/orphan.txt", "missing films/lost.txt"] == run()
    assert ["orphan other.txt"] == run("--storage", "private")
    assert [] == run("--prefix", "other/")
    assert kept.file.name == "films/kept.txt"


def test_tables_of_their_own_count_and_proxies_count_once(store: AssetStore) -> None:
    """A model in two tables has both files; a text field counts where it is named."""
    long = LongFilm(title="media")
    long.file.save("a.txt", ContentFile(b"1"), save=False)
    long.trailer.save("b.txt", ContentFile(b"1"))
    store.upload(b"1", "media/media")
    assert ["orphan media"] == run()
    assert [] == run("--also", "django_media.Film.title")


def test_files_of_older_versions_are_no_orphans(store: AssetStore) -> None:
    """What django-simple-history remembers can be restored."""
    film("now.txt")
    store.upload(b"1", "media/films/before.txt")
    assert ["orphan films/before.txt"] == run()
    HistoricalFilm.objects.create(file="films/before.txt")
    assert [] == run()


def test_more_rows_and_files_than_a_page(store: AssetStore) -> None:
    """Rows and files are compared page by page."""
    names = [f"films/{number:05}.txt" for number in range(1203)]
    Film.objects.bulk_create(Film(title="x", file=name) for name in names)
    for name in names[1:]:
        store.upload(b"1", f"media/{name}")
    store.upload(b"1", "media/films/zz.txt")
    assert ["orphan films/zz.txt", "missing films/00000.txt"] == run()


def test_only_old_orphans_are_deleted(store: AssetStore) -> None:
    """Young files, files with a row and those of other storages stay."""
    film("old-kept.txt")
    keys = ["media/films/new.txt", "media/films/old.txt", "media/private/old.txt", "old/old.txt"]
    for key in keys:
        store.upload(b"1", key)
    printed = ["orphan films/new.txt", "orphan films/old.txt", "deleted 1"]
    assert printed == run("--delete", "--older-than", "2")
    assert sorted({*keys, "media/films/old-kept.txt"} - {"media/films/old.txt"}) == [info.key for info in store.list()]


@pytest.mark.parametrize("name", [unicodedata.normalize("NFD", "old-é.txt"), "./old.txt", "a\\..//old.txt"])
def test_a_row_has_its_file_however_it_spells_the_name(store: AssetStore, name: str) -> None:
    """A name from another storage opens its file, so its file is no orphan."""
    Film.objects.create(title="A", file=name)
    store.upload(b"1", "media/" + storages["default"].key(name))
    assert b"1" == Film.objects.get().file.read()
    assert ["deleted 0"] == run("--delete", "--older-than", "2")


def test_the_file_that_new_rows_refer_to_is_no_orphan(store: AssetStore) -> None:
    """It is needed also while no row has it, and missed only when a row has."""
    assert [] == run()
    store.upload(b"1", "media/faces/old-nobody.txt")
    assert ["deleted 0"] == run("--delete", "--older-than", "2")
    store.delete("media/faces/old-nobody.txt")
    nobody = apps.get_model("django_media.Portrait").objects.create()
    assert ["missing faces/old-nobody.txt"] == run()
    nobody.delete()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--delete"], "--delete needs --older-than DAYS, at least 1"),
        (["--delete", "--older-than", "0.5"], "--delete needs --older-than DAYS, at least 1"),
        (["--storage", "no"], "STORAGES has no 'no'; it has default, private"),
        (["--also", "x.Y.z"], "there is no field 'x.Y.z'; write it as app.Model.field"),
        (["--also", "django_media.Portrait.others"], "'django_media.Portrait.others' must be a text, each of whose values"),
        (["--also", "django_media.Film.longfilm"], "'django_media.Film.longfilm' must be a text, each of whose values"),
    ],
)
def test_wrong_options_are_refused(store: AssetStore, arguments: list[str], message: str) -> None:
    """Nothing is read or deleted."""
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("alias", ["default", "staticfiles"])
def test_static_files_are_no_orphans(store: AssetStore, monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    """No row refers to them, so where they lie among the files of rows nothing is listed or deleted."""
    monkeypatch.setitem(storages.backends, "staticfiles", AssetStorage(store, location="media"))
    with pytest.raises(CommandError, match="static files must not be in the same location, 'media/'"):
        run("--storage", alias)
