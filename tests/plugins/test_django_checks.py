"""System checks: what is wrong in ``STORAGES`` is said when the project starts, by the path of its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django_configured import configure

configure()

from django.core.checks import run_checks  # noqa: E402 - Django must be configured first
from django.test import override_settings  # noqa: E402


def found(options: Any, backend: str = "AssetStorage", alias: str = "default", **more: Any) -> list[str]:
    """Return what the checks say of a storage with these options."""
    setting = {alias: {"BACKEND": f"assetstore_django.{backend}", "OPTIONS": options}}
    with override_settings(**{"STORAGES": setting, "DEBUG": True, **more}):
        return [f"{message.id} {message.msg}" for message in run_checks(tags=["files"])]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expirs": 1}, 'E001 STORAGES["default"]["OPTIONS"]["expirs"]: unknown option; did you mean \'expires\'?'),
        ({"expires": 0}, 'E002 STORAGES["default"]["OPTIONS"]["expires"]: expires must be between 1 and 604800'),
        ({"window": "soon"}, 'E002 STORAGES["default"]["OPTIONS"]["window"]: '),
        ({"location": "a/../b"}, 'E002 STORAGES["default"]["OPTIONS"]["location"]: a key must not have a segment'),
        ({"location": None}, 'E002 STORAGES["default"]["OPTIONS"]["location"]: must be a text or a path, got None'),
        ({"location": 5}, 'E002 STORAGES["default"]["OPTIONS"]["location"]: must be a text or a path, got 5'),
        ({"expires": None}, 'E002 STORAGES["default"]["OPTIONS"]["expires"]: expires must be a whole number'),
        ({"store": 5}, 'E003 STORAGES["default"]["OPTIONS"]["store"]: must be a name, a URL or a table, got a int'),
        ({"overwrite": "no"}, 'E002 STORAGES["default"]["OPTIONS"]["overwrite"]: must be True or False, got \'no\''),
        ({"public": True}, 'E004 STORAGES["default"]["OPTIONS"]["public"]: the store \'file:media\' has no public URLs'),
    ],
)
def test_a_wrong_option_is_named_by_its_path(options: dict[str, Any], said: str) -> None:
    """One mistake, one message."""
    (message,) = found({"store": "file:media", **options})
    assert message.startswith(f"assetstore.{said}")


def test_a_store_that_is_not_configured_is_said_with_those_that_are(tmp_path: Path) -> None:
    """Also each mistake in its table."""
    config = tmp_path / "assetstore.toml"
    config.write_text('[stores.media]\nurl = "file:media"\n[stores.bad]\nurl = "file:bad"\nrot = 1\nsync = "x"\n')
    (message,) = found({"store": "medai"}, ASSETSTORE_CONFIG=config)
    assert message.startswith('assetstore.E003 STORAGES["default"]["OPTIONS"]["store"]: ')
    assert message.endswith("has no store 'medai' (did you mean 'media'?); it has: bad, media")
    assert [] == found({"store": "media", "location": "here", "expires": "1h"}, ASSETSTORE_CONFIG=config)
    assert 2 == len(found({"store": "bad"}, ASSETSTORE_CONFIG=config))
    assert not (tmp_path / "media").exists()


def test_a_store_in_memory_is_for_development() -> None:
    """In production its files are gone with each process."""
    (message,) = found({"store": {"url": "memory:"}})
    assert message.startswith("assetstore.W001")
    assert ["assetstore.W001", "assetstore.W002"] == [text[:15] for text in found({"store": "memory:"}, DEBUG=False)]


def test_options_of_a_derived_class_are_its_own() -> None:
    """``manifest_storage`` is Django's; a class of the project may know its store itself."""
    options = {"store": {"url": "file:x", "public_url": "https://x.example"}, "manifest_storage": None}
    assert [] == found(options, "ManifestAssetStorage", "staticfiles")


def test_the_app_must_stand_before_djangos_own() -> None:
    """Otherwise Django's collectstatic runs, which asks for each file."""
    apps = ["django.contrib.staticfiles", "assetstore_django"]
    (message,) = found({"store": "file:x"}, alias="staticfiles", INSTALLED_APPS=apps)
    assert message.startswith("assetstore.W003 INSTALLED_APPS: 'assetstore_django' must stand before")


@pytest.mark.parametrize("options", [None, [], "media", {1: "media"}])
def test_options_that_are_no_table_are_named(options: Any) -> None:
    """No check ends in a traceback."""
    said = 'assetstore.E002 STORAGES["default"]["OPTIONS"]: must be a table of options by their names, got a'
    assert [f"{said} {type(options).__name__}"] == found(options)


@pytest.mark.parametrize("storage", [None, {"BACKEND": None}, "assetstore_django.AssetStorage"])
def test_a_storage_that_is_none_is_left_to_django(storage: Any) -> None:
    """It says itself what is wrong, where it opens the storage."""
    with override_settings(STORAGES={"default": storage}):
        assert [] == run_checks(tags=["files"])


def test_other_storages_are_not_looked_at() -> None:
    """What cannot be imported is for Django to report."""
    setting = {"a": {"BACKEND": "django.core.files.storage.InMemoryStorage"}, "b": {"BACKEND": "no.such.Class"}, "c": {}}
    with override_settings(STORAGES=setting):
        assert [] == run_checks(tags=["files"])
