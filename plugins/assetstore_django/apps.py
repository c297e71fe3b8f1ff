"""The app for ``INSTALLED_APPS``, before ``django.contrib.staticfiles``: checks of the settings, and commands."""

from __future__ import annotations

from django.apps import AppConfig


class AssetstoreConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """The app ``assetstore_django``."""

    name = "assetstore_django"
    verbose_name: str = "assetstore"
