"""Lists what a ZIP holds, and what is made of one: EPUB, office documents, comics. Nothing is unpacked."""

from __future__ import annotations

import zipfile
from typing import Any

from assetstore_gallery.bounded import Bounded

SHOWN = 200
MAX_BYTES = 2 << 20
"""Bytes of the directory at the end of a ZIP at most, about 40,000 entries."""
_MADE_OF_ZIP = (
    *("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.", "application/java-archive"),
    "application/vnd.android.package-archive",
)


def is_archive(essence: str) -> bool:
    """Return whether what has this media type is a ZIP."""
    return essence in ("application/zip", "application/x-zip-compressed") or essence.endswith("+zip") or essence.startswith(
        _MADE_OF_ZIP
    )


def facts_of(file: Bounded) -> dict[str, Any]:
    """Return ``entries``, the first ``SHOWN`` of them, and ``entry_count``.

    An entry has ``name``, ``size`` and ``packed`` in bytes, and ``modified``, a local time without a zone, which may be no
    time at all: it is what the file says.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    shown = [
        {
            "name": entry.filename,
            "size": entry.file_size,
            "packed": entry.compress_size,
            "modified": "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*entry.date_time),
        }
        for entry in entries[:SHOWN]
    ]
    return {"entries": shown, "entry_count": len(entries)}
