"""What a visitor of the gallery may do."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Rights:
    """What a visitor may do beside looking.

    Attributes:
        upload: add assets under new keys.
        change: rename, move, replace, edit headers and metadata.
        delete: delete assets; where the store has a trash, also restore them.
    """

    upload: bool = False
    change: bool = False
    delete: bool = False


LOOKING = Rights()
EVERYTHING = Rights(upload=True, change=True, delete=True)


@attrs.frozen(kw_only=True)
class Visitor:
    """Who asks.

    Attributes:
        name: shown on the pages; may be empty.
        rights: what they may do.
    """

    name: str = ""
    rights: Rights = LOOKING
