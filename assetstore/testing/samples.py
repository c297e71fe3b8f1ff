"""Sample values of each HTTP header, for the contract and the state machine."""

from __future__ import annotations

from typing import Any

SAMPLES: dict[str, Any] = {
    "content_type": "image/webp; charset=binary",
    "cache_control": "public, max-age=31536000, immutable",
    "content_disposition": "attachment; filename*=UTF-8''caf%C3%A9.webp",
    "content_encoding": "gzip",
    "content_language": "de, en",
}
OTHER_SAMPLES: dict[str, Any] = {
    "content_type": "image/png",
    "cache_control": "no-store",
    "content_disposition": "inline",
    "content_encoding": "br",
    "content_language": "ja",
}
PLAIN = {name: text for name, text in SAMPLES.items() if name != "content_encoding"}
"""The samples without Content-Encoding, for which some services pack or unpack the bytes on the way."""
