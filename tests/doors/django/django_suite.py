"""Runs Django's own tests with our storage in place of Django's: ``python django_suite.py FOLDER STORE LABELS...``.

FOLDER is ``tests`` of Django's source distribution. STORE is ``local``, ``memory`` or a store's table as JSON. The last line
that is printed says as JSON what became of each test.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import unittest
from importlib import import_module
from typing import Any, ClassVar

import django.core.files.storage
from django.conf import settings
from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases
from django.utils.deconstruct import deconstructible
from excluded import NOT_RUN

from assetstore import AssetStore, open_store
from assetstore.testing import MemoryBackend

ORIGIN = "https://files.example/"


class Stores:
    """One store for each folder that Django's tests name."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._open: dict[str, AssetStore] = {}
        self._whole: AssetStore | None = None

    def at(self, folder: str) -> AssetStore:
        """Return the store that stands for a folder: the folder itself, or a part of memory or of the bucket."""
        if folder not in self._open:
            self._open[folder] = self._make(folder)
        return self._open[folder]

    def begin(self) -> None:
        """Begin a test with empty stores, as Django's tests remove their folders."""
        self._open.clear()

    def _make(self, folder: str) -> AssetStore:
        if self._kind == "local":
            return open_store({"url": f"file://{folder}", "public_url": ORIGIN.rstrip("/")})
        if self._kind == "memory":
            return AssetStore(MemoryBackend())
        if self._whole is None:
            self._whole = open_store({**json.loads(self._kind), "public_url": ORIGIN.rstrip("/")})
        return self._whole.scoped(f"{secrets.token_hex(8)}/")


stores = Stores(sys.argv[2]) if len(sys.argv) > 2 else Stores("memory")

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3"}, "other": {"ENGINE": "django.db.backends.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        *("assetstore_django", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sites"),
        *("django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"),
        *dict.fromkeys(label.partition(".")[0] for label in sys.argv[3:]),
    ],
    MEDIA_ROOT=tempfile.mkdtemp(),
    MEDIA_URL="/media/",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF="urls",
    SECRET_KEY="tests",
    STATIC_ROOT=tempfile.mkdtemp(),
    STATIC_URL="static/",
    STORAGES={
        "default": {"BACKEND": "django_suite.StandIn"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=False,
)

from assetstore_django import AssetStorage, ManifestAssetStorage  # noqa: E402 - Django must be configured first

REAL = django.core.files.storage.FileSystemStorage


@deconstructible(path="django.core.files.storage.FileSystemStorage")
class StandIn(AssetStorage):
    """Our storage, made by the arguments of Django's ``FileSystemStorage``."""

    OS_OPEN_FLAGS = getattr(REAL, "OS_OPEN_FLAGS", 0)  # a test derives from it, for another storage

    def __init__(
        self, location: Any = None, base_url: str | None = None, *_: Any, allow_overwrite: bool = False, **__: Any
    ) -> None:
        super().__init__(AssetStore(MemoryBackend()), overwrite=allow_overwrite, public=True)
        self._folder_given, self.base_url = location, base_url

    @property
    def store(self) -> AssetStore:
        """The store that stands for the folder."""
        return stores.at(os.path.abspath(self._folder_given or settings.MEDIA_ROOT))

    def url(self, name: str | None) -> str:
        """Return what a web server under ``base_url`` would serve."""
        base = self.base_url or settings.MEDIA_URL
        return f"{base}{super().url(name).removeprefix(ORIGIN)}"


class StaticStandIn(ManifestAssetStorage):
    """Our static files, made by the arguments of Django's ``ManifestStaticFilesStorage``."""

    def __init__(self, location: Any = None, *_: Any, manifest_storage: Any = None, **__: Any) -> None:
        self._folder_given = location
        super().__init__(AssetStore(MemoryBackend()), manifest_storage=manifest_storage)

    @property
    def store(self) -> AssetStore:
        """The store that stands for the folder."""
        return stores.at(os.path.abspath(self._folder_given or settings.STATIC_ROOT))

    def url(self, name: str | None, *arguments: Any, **options: Any) -> str:
        """Return what a web server under ``STATIC_URL`` would serve."""
        url: str = super().url(name, *arguments, **options)
        return url.replace(self.store.url("x")[:-1], settings.STATIC_URL)


def stand_in() -> None:
    """Put ours where Django's tests find Django's, and the app with its collectstatic where they install Django's."""
    sys.modules["django_suite"] = sys.modules[__name__]
    import_module("django.contrib.staticfiles.finders")  # which finds files on the disk, with Django's own storage
    django.core.files.storage.FileSystemStorage = StandIn
    if any(label.startswith("staticfiles_tests") for label in sys.argv[3:]):
        from django.contrib.staticfiles import storage

        storage.ManifestStaticFilesStorage = StaticStandIn
        from staticfiles_tests.settings import TEST_SETTINGS

        TEST_SETTINGS["INSTALLED_APPS"].insert(0, "assetstore_django")


class Outcomes(unittest.TextTestResult):
    """Remembers what became of each test."""

    by_test: ClassVar[dict[str, str]] = {}

    def startTest(self, test: Any) -> None:  # noqa: N802 - unittest's name
        """Empty the stores."""
        stores.begin()
        super().startTest(test)

    def addSuccess(self, test: Any) -> None:  # noqa: N802 - unittest's name
        """Remember a test that passed."""
        super().addSuccess(test)
        self.by_test.setdefault(test.id(), "passed")

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802 - unittest's name
        """Remember why a test was skipped."""
        super().addSkip(test, reason)
        self.by_test[test.id()] = f"skipped: {reason}"

    def addError(self, test: Any, error: Any) -> None:  # noqa: N802 - unittest's name
        """Remember how a test failed."""
        super().addError(test, error)
        self.by_test[test.id()] = f"failed: {error[0].__name__}: {error[1]}"[:300]

    addFailure = addError  # noqa: N815 - unittest's name

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:  # noqa: N802 - unittest's name
        """Remember a test of which a part failed."""
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.addError(test, error)


class Runner(DiscoverRunner):
    """Django's runner, with the outcomes."""

    def build_suite(self, *labels: Any, **options: Any) -> unittest.TestSuite:
        """Return all tests but those that are not run."""
        suite = super().build_suite(*labels, **options)
        return self.test_suite(test for test in iter_test_cases(suite) if test.id().rpartition(".")[2] not in NOT_RUN)

    def get_resultclass(self) -> type:
        """Return what remembers."""
        return Outcomes


def main() -> None:
    """Run the tests of the labels."""
    _, folder, _, *labels = sys.argv
    os.chdir(folder)
    sys.path.insert(0, folder)
    stand_in()
    django.setup()
    Runner(verbosity=0, interactive=False).run_tests(labels)
    sys.stdout.write(f"\n{json.dumps(Outcomes.by_test)}\n")


if __name__ == "__main__":
    main()
