"""Storages of Django: assetstore's, that of django-storages for S3, and Django's own in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.clients.base import Client
from bench.clients.ours import address


class DjangoStorage(Client):
    """What is the same for all storages. A subclass says which it is; the static files go below ``static/``."""

    apps: tuple[str, ...] = ()

    def open(self, option: str) -> None:
        import django
        from django.conf import settings
        from django.core.files.storage import default_storage

        settings.configure(
            INSTALLED_APPS=[*self.apps, "django.contrib.staticfiles"],
            SECRET_KEY="benchmark",
            STATIC_URL="/static/",
            STORAGES={"default": self.storage(option, ""), "staticfiles": self.storage(option, "static")},
            USE_TZ=True,
        )
        django.setup()
        self.default: Any = default_storage

    def storage(self, option: str, location: str) -> dict[str, Any]:
        """Return an entry of ``STORAGES``, confined to a folder."""
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        from django.core.files.base import ContentFile

        self.default.save(key, ContentFile(data))

    def get(self, key: str) -> bytes:
        with self.default.open(key) as file:
            found: bytes = file.read()
            return found

    def url(self, key: str) -> str:
        """Return the URL of an object."""
        return str(self.default.url(key))

    def head(self, key: str) -> None:
        assert self.default.exists(key)

    def delete(self, key: str) -> None:
        self.default.delete(key)

    def collectstatic(self, folder: Path) -> None:
        """Run ``manage.py collectstatic`` on a folder."""
        from django.conf import settings
        from django.core.management import call_command

        settings.STATICFILES_DIRS = [str(folder)]
        call_command("collectstatic", interactive=False, verbosity=0)


class AssetstoreDjango(DjangoStorage):
    """``assetstore_django.AssetStorage``; the option is the scheme and the engine."""

    apps = ("assetstore_django",)

    def storage(self, option: str, location: str) -> dict[str, Any]:
        keys = {name: self.place[name] for name in ("access_key", "secret_key")}
        options = {"store": {"url": address(self.place, option), **keys}, "location": location}
        return {"BACKEND": "assetstore_django.AssetStorage", "OPTIONS": options}


class S3Storage(DjangoStorage):
    """``storages.backends.s3.S3Storage``, whose ``save`` replaces, as is its default."""

    def storage(self, option: str, location: str) -> dict[str, Any]:
        options = {
            "access_key": self.place["access_key"],
            "secret_key": self.place["secret_key"],
            "bucket_name": self.bucket,
            "endpoint_url": self.place["url"],
            "region_name": self.place["region"],
            "addressing_style": "path",
            "signature_version": "s3v4",
            "location": location,
        }
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


class FileSystemStorage(DjangoStorage):
    """Django's own storage in a temporary folder: what Django itself costs."""

    def storage(self, option: str, location: str) -> dict[str, Any]:
        self.root = getattr(self, "root", None) or tempfile.TemporaryDirectory()
        options = {"location": str(Path(self.root.name, location)), "base_url": "/media/"}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
