"""Django, configured once in a process for all tests of its door."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings

_APPS = ("auth", "contenttypes", "sessions", "staticfiles")


def configure(**more: Any) -> None:
    """Configure Django, unless a test before did so, with the apps of all these tests and a database in memory."""
    if not settings.configured:
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            INSTALLED_APPS=["assetstore_django", *(f"django.contrib.{app}" for app in _APPS), "django_media"],
            MIDDLEWARE=[
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "assetstore_django.middleware.DirectUploadMiddleware",
            ],
            ROOT_URLCONF="django_media.urls",
            SECRET_KEY="tests",
            STATIC_URL="/static/",
            USE_TZ=True,
            **more,
        )
        django.setup()
