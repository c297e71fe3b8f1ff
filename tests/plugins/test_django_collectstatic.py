"""``collectstatic`` and ``ManifestAssetStorage``: what is uploaded, what is left, and how many requests that takes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django.contrib.admin
import pytest
from django_configured import configure

from assetstore import AssetStore, RefusedError
from assetstore.testing import FaultyBackend, MemoryBackend, Raise, RecordingObserver

configure()

from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402
from django.test import override_settings  # noqa: E402

from assetstore_django import ManifestAssetStorage  # noqa: E402
from assetstore_local import LocalBackend  # noqa: E402

FILES = {
    "css/site.css": 'body { background: url("../img/a b.png") }\n@import "base.css";',
    "css/base.css": "i {}",
    "img/a b.png": "\x89PNG",
    "js/app.js": "1;",
}
Collect = Callable[..., str]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Give a folder with static files."""
    folder = tmp_path / "sources"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="latin-1")
    return folder


@pytest.fixture
def seen() -> RecordingObserver:
    """Give what records the operations of the stores."""
    return RecordingObserver()


def collector(sources: Path, backend: str, **options: Any) -> Collect:
    """Return a function that collects a folder into a storage and returns what the command printed."""

    def collect(**more: Any) -> str:
        output = io.StringIO()
        setting = {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": f"assetstore_django.{backend}", "OPTIONS": options},
        }
        with override_settings(STORAGES=setting, STATICFILES_DIRS=[sources], STATICFILES_FINDERS=FINDERS):
            call_command("collectstatic", interactive=False, stdout=output, **{"verbosity": 2, **more})
        return output.getvalue()

    return collect


FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]


@pytest.fixture(params=["memory", "local"])
def table(request: pytest.FixtureRequest, tmp_path: Path, seen: RecordingObserver) -> AssetStore:
    """Give a store that is open, in memory or in a folder."""
    public = "https://cdn.example"
    made = MemoryBackend() if request.param == "memory" else LocalBackend(root=tmp_path / "root", public_url=public)
    return AssetStore(made, plugins=[seen])


def ops(seen: RecordingObserver) -> list[str]:
    """Return the operations since the last call."""
    found = [event.op for event in seen.events]
    seen.events.clear()
    return found


def test_files_are_collected_once_and_then_compared(sources: Path, table: AssetStore, seen: RecordingObserver) -> None:
    """The second run finds by one listing that nothing changed; a file that changed is uploaded alone, whatever its time."""
    collect = collector(sources, "AssetStorage", store=table, location="static")
    assert "4 static files copied." in collect()
    assert sorted(FILES) == [info.key for info in table.scoped("static/").list()]
    ops(seen)
    text = collect()
    assert "0 static files copied, 4 unmodified." in text
    assert "Skipping 'js/app.js' (not modified)" in text
    assert 0 == ops(seen).count("upload")
    (sources / "js/app.js").write_text("2;")
    assert "1 static file copied, 3 unmodified." in collect()
    assert b"2;" == table.read("static/js/app.js")


def test_a_dry_run_changes_nothing_and_says_what_it_would(sources: Path, table: AssetStore) -> None:
    """Also with ``--clear``."""
    collect = collector(sources, "AssetStorage", store=table, location="static")
    assert "Pretending to copy 'js/app.js'" in collect(dry_run=True)
    assert [] == list(table.list())
    collect()
    text = collect(dry_run=True, clear=True)
    assert "Pretending to delete 'js/app.js'" in text
    assert "4 static files copied." in text
    assert 4 == len(list(table.list()))


def test_clearing_deletes_what_is_below_the_location_alone(sources: Path, table: AssetStore) -> None:
    """Everything is uploaded anew."""
    table.upload(b"1", "media/kept")
    table.upload(b"1", "static/old")
    text = collector(sources, "AssetStorage", store=table, location="static")(clear=True)
    assert "Deleting 'old'" in text
    assert "4 static files copied." in text
    assert ["media/kept", *sorted(f"static/{name}" for name in FILES)] == [info.key for info in table.list()]


def test_a_store_takes_no_links(sources: Path, table: AssetStore) -> None:
    """As Django says of remote storages."""
    with pytest.raises(CommandError, match="symlink"):
        collector(sources, "AssetStorage", store=table)(link=True)


def test_a_failed_upload_fails_the_command(sources: Path) -> None:
    """All others are stored, and the next run goes on from there."""
    backend = FaultyBackend(MemoryBackend())
    collect = collector(sources, "AssetStorage", store=AssetStore(backend))
    with backend.failing(Raise(op="upload", error=RefusedError("no"))), pytest.raises(RefusedError):
        collect()
    assert "1 static file copied, 3 unmodified." in collect()


def test_other_storages_get_djangos_own_command(sources: Path, tmp_path: Path) -> None:
    """The app may be installed without our storage."""
    setting = {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(
        STORAGES=setting, STATICFILES_DIRS=[sources], STATIC_ROOT=tmp_path / "out", STATICFILES_FINDERS=FINDERS
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
        assert "4 unmodified" in call_command("collectstatic", interactive=False, verbosity=1, stdout=io.StringIO())
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    assert (tmp_path / "out/js/app.js").read_text() == "1;"


ADMIN = Path(django.contrib.admin.__file__).parent / "static"


@pytest.fixture(scope="module")
def by_django(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder into which Django's own storage collected the files of its admin."""
    folder = tmp_path_factory.mktemp("static")
    setting = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
    with override_settings(
        STORAGES=setting, STATICFILES_DIRS=[ADMIN], STATIC_ROOT=folder, STATICFILES_FINDERS=FINDERS, DEBUG=False
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def test_the_hashed_files_are_those_of_django(by_django: Path, table: AssetStore, seen: RecordingObserver) -> None:
    """For the admin's own static files every name, every byte and the manifest are the same; a second run writes nothing."""
    collect = collector(ADMIN, "ManifestAssetStorage", store=table, location="static")
    collect(verbosity=0)
    expected = {str(path.relative_to(by_django)): path.read_bytes() for path in by_django.rglob("*") if path.is_file()}
    stored = {result.key: result.value for result in table.scoped("static/").read_many(list(expected))}
    assert expected == stored
    assert sorted(expected) == [info.key for info in table.scoped("static/").list()]
    ops(seen)
    text = collect(verbosity=1)
    assert "0 static files copied" in text
    assert {"read", "list", "stat"} >= set(ops(seen))


def test_a_second_run_of_what_a_bucket_lists_with_digests_is_two_requests(seen: RecordingObserver) -> None:
    """The manifest is read and the storage listed, however many files there are."""
    collect = collector(ADMIN, "ManifestAssetStorage", store=AssetStore(MemoryBackend(), plugins=[seen]))
    collect()
    ops(seen)
    assert "unmodified" in collect()
    assert ["read", "list"] == ops(seen)


def test_the_manifest_is_replaced_last_and_in_one_step(sources: Path) -> None:
    """A site that starts meanwhile finds the old one; after a failure too."""
    backend = FaultyBackend(MemoryBackend())
    store = AssetStore(backend)
    collect = collector(sources, "ManifestAssetStorage", store=store)
    collect()
    assert "staticfiles.json" == [call["key"] for op, call in backend.calls if op == "upload"][-1]
    old = store.read("staticfiles.json")
    (sources / "js/app.js").write_text("2;")
    # The first new file is the original, the second the one with the hash in its name.
    with backend.failing(Raise(op="upload", error=RefusedError("no"), nth=2)), pytest.raises(RefusedError):
        collect()
    assert old == store.read("staticfiles.json")
    collect()
    assert old != store.read("staticfiles.json")
    assert [] == [op for op, _ in backend.calls if op == "delete"]


def test_templates_get_the_hashed_public_url(sources: Path, table: AssetStore) -> None:
    """The names come from the manifest, which is read once."""
    collector(sources, "ManifestAssetStorage", store=table)()
    paths = json.loads(table.read("staticfiles.json"))["paths"]
    assert re.fullmatch(r"css/site\.[0-9a-f]{12}\.css", paths["css/site.css"])
    assert f"@import url(\"{Path(paths['css/base.css']).name}\")" in table.read(paths["css/site.css"]).decode()
    storage = ManifestAssetStorage(table)
    if table.can("url"):
        assert f"https://cdn.example/{paths['css/site.css']}" == storage.url("css/site.css")
    with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
        storage.url("none.css")


def test_the_urls_of_hashed_files_cannot_be_signed(table: AssetStore) -> None:
    """A style sheet names its pictures by relative URLs."""
    with pytest.raises(ImproperlyConfigured, match="cannot be signed"):
        ManifestAssetStorage(table, public=False)
