"""Reads ``R2_ENABLED`` and the other settings of older programs, and opens the store that they describe."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Mapping

import attrs

from assetstore import AssetStore, open_store
from assetstore.plugin import ConfigError, default_plugins, secret
from assetstore_r2.backend import R2Backend

MODULE = "settings"
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")

logger: logging.Logger = logging.getLogger("assetstore_r2")


@attrs.frozen(kw_only=True)
class R2Settings:
    """The settings named ``R2_*``; ``None`` for one that is missing or empty.

    Attributes:
        enabled: whether to use R2.
        account_id: the Cloudflare account; it forms the endpoint.
        endpoint: the endpoint; takes precedence over ``account_id``.
        access_key: the access key ID.
        secret_key: the secret of ``access_key``.
        bucket_name: the bucket.
        public_url: base URL where the bucket can be read without credentials.
        jurisdiction: ``eu``, ``fedramp`` or ``us`` for a bucket that was created in one.
    """

    enabled: bool = False
    account_id: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = secret(default=None)
    bucket_name: str | None = None
    public_url: str | None = None
    jurisdiction: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the required settings that are missing."""
        needed = {
            "R2_ACCOUNT_ID or R2_ENDPOINT": self.account_id or self.endpoint,
            "R2_ACCESS_KEY": self.access_key,
            "R2_SECRET_KEY": self.secret_key,
            "R2_BUCKET_NAME": self.bucket_name,
        }
        return tuple(name for name, value in needed.items() if value is None)

    def backend(self) -> R2Backend:
        """Return the backend that these settings describe, whether enabled or not.

        Raises:
            ConfigError: with every missing name in ``problems``, or with the problems of those that are set.
        """
        if self.missing:
            raise ConfigError(
                f"settings are missing: {', '.join(self.missing)}",
                problems=tuple(f"{name} is missing" for name in self.missing),
                hint="set them in the settings or the environment, or set R2_ENABLED to false to work without R2",
                op="open",
            )
        return R2Backend(
            bucket=self.bucket_name or "",
            account_id=self.account_id,
            jurisdiction=self.jurisdiction,
            endpoint_url=self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
            public_url=self.public_url,
        )


def find_settings(settings: object = None) -> R2Settings:
    """Read the current settings.

    The environment fills in missing settings of a program, but only ``R2_ENABLED``, ``R2_ACCOUNT_ID`` and the credentials:
    bucket, endpoint and URL must come from one source. The credentials are ``R2_ACCESS_KEY`` and ``R2_SECRET_KEY``, or else
    ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``.

    Args:
        settings: a mapping, or an object with the settings as attributes, such as a module or ``django.conf.settings``;
            the names may be lower-case, for example ``r2_bucket_name``, as pydantic's settings objects have them.
            By default: the module ``settings`` if it can be imported and has any name ``R2_*``, otherwise the environment.

    Raises:
        ConfigError: the settings cannot be read, or one has a wrong value.
    """
    own = _reader(settings)

    def text(name: str, *variables: str) -> str | None:
        found = _text(name, own(name))
        return found or next(filter(None, (os.environ.get(variable, "").strip() for variable in variables)), None)

    enabled = own("R2_ENABLED")
    return R2Settings(
        enabled=_truth(os.environ.get("R2_ENABLED") if enabled in (None, "") else enabled),
        account_id=text("R2_ACCOUNT_ID", "R2_ACCOUNT_ID"),
        endpoint=text("R2_ENDPOINT"),
        access_key=text("R2_ACCESS_KEY", "R2_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        secret_key=text("R2_SECRET_KEY", "R2_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
        bucket_name=text("R2_BUCKET_NAME"),
        public_url=text("R2_PUBLIC_URL"),
        jurisdiction=text("R2_JURISDICTION"),
    )


def store_from_settings(settings: object = None, *, offline: str | Mapping[str, object] = "file:assets") -> AssetStore:
    """Open the store that the settings describe, with the default naming and stats plugins.

    Args:
        settings: as for ``find_settings``.
        offline: the store to open if ``R2_ENABLED`` is false: a URL, a name from a configuration file, or a mapping.

    Raises:
        ConfigError: ``R2_ENABLED`` is true and settings are missing or wrong; the offline store is then not opened.
    """
    found = find_settings(settings)
    if not found.enabled:
        logger.info("R2_ENABLED is not true: opening the offline store")
        return open_store(offline)
    return AssetStore(("r2", found.backend()), plugins=[*default_plugins().items()])


def _reader(settings: object) -> Callable[[str], object]:
    source = _module() if settings is None else settings
    if source is None:
        return os.environ.get
    def look(name: str) -> object:
        return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)

    def read(name: str) -> object:
        try:
            found = look(name)
            return look(name.lower()) if found is None else found
        except Exception as error:  # for example, Django's settings raise their own error until configured
            raise _unreadable(error) from error

    return read


def _module() -> object | None:
    try:
        module = importlib.import_module(MODULE)
    except ModuleNotFoundError as error:
        if error.name == MODULE:
            return None
        raise _unreadable(error) from error
    except Exception as error:  # importing a program's own module may raise anything
        raise _unreadable(error) from error
    return module if any(name.upper().startswith("R2_") for name in dir(module)) else None


def _unreadable(error: Exception) -> ConfigError:
    # Only the type of the error: its text may contain a secret.
    return ConfigError(f"the settings cannot be read: {type(error).__name__}", hint="import them yourself to see why")


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be text, got {type(value).__name__}")
    return value.strip() or None


def _truth(value: object) -> bool:
    word = "" if value is None else str(value).strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise ConfigError("R2_ENABLED must be true or false", hint=f"write one of {', '.join((*_TRUE, *_FALSE[:-1]))}")
    return word in _TRUE
