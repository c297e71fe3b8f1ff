"""The app for ``INSTALLED_APPS``, before ``django.contrib.staticfiles``: checks of the settings, and commands."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.core.checks import Tags, register


class AssetstoreConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """The app ``assetstore_django``."""

    name = "assetstore_django"
    verbose_name: str = "assetstore"

    def ready(self) -> None:
        """Register the checks."""
        # Django's storages can be imported only when it is configured.
        check = import_module("assetstore_django.checks").check_storages
        register(check, Tags.files, Tags.staticfiles)
