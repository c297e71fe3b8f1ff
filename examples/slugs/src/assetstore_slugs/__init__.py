"""A naming scheme: ``Goblin King (final).PNG`` becomes ``images/goblin-king-final.png``, and the next one ``…-final-2.png``.

::

    [stores.prod]
    url    = "r2://${R2_ACCOUNT_ID}/assets"
    naming = { plugin = "slugs", folder = "table-4" }
"""

from __future__ import annotations

import re

import attrs

from assetstore.plugin import ConfigError, NameOptions, ProposedKey, hookimpl, is_valid_key

MAX_CHARACTERS = 80


@attrs.define(eq=False, kw_only=True)
class Slugs:
    """Makes readable keys from file names and keeps the letters and digits of every script.

    Attributes:
        folder: the folder of all keys, without a slash at its end; empty for none.
    """

    folder: str = ""

    def __attrs_post_init__(self) -> None:
        if self.folder and not is_valid_key(self.folder):
            raise ConfigError(f"folder must be a valid key, got {self.folder!r}")

    @hookimpl
    def assetstore_name(self, filename: str, options: NameOptions) -> ProposedKey:
        """Propose ``folder/category/slug.suffix``, with a number from 2 on if that key is taken."""
        stem, dot, suffix = filename.rpartition(".")
        if not stem or not suffix.isalnum():
            stem, dot, suffix = filename, "", ""
        slug = re.sub(r"[\W_]+", "-", stem.lower()).strip("-")[:MAX_CHARACTERS] or "unnamed"
        number = f"-{options.attempt + 1}" if options.attempt else ""
        parts = (self.folder, options.category, f"{slug}{number}{dot}{suffix.lower()[:MAX_CHARACTERS]}")
        return ProposedKey(key="/".join(part for part in parts if part), on_clash="remake")
