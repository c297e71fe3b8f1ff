"""Checks the settings ``serve_url`` and ``origins``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from assetstore.plugin import ConfigError

# As browsers write it: in lower case, without the default port. Pages of installed applications have their own schemes.
_ORIGIN = re.compile(
    r"\*|(https(?!.*:443$)|http(?!.*:80$)|(?!https?:)[a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?",
    re.ASCII,
)


def require_server(url: str) -> None:
    """Raise ConfigError unless signed URLs can begin with ``url``."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    # Every signed URL would contain the user or the query; a ? counts even if nothing follows it.
    if not is_address or not url.isascii() or not url.isprintable() or set("?#@ ") & set(url):
        raise ConfigError("serve_url must be the address of a server, for example http://127.0.0.1:8420")


def require_origins(origins: Iterable[str]) -> None:
    """Raise ConfigError unless each is the origin of a page as browsers write it, or ``*``."""
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            hint = "write it as browsers do: in lower case, without path and default port, for example https://app.example"
            raise ConfigError(f"{origin!r} is not an origin", hint=hint)
