"""R2's rules for DeleteObjects: 1 to 1,000 keys, each of them named in the response."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import attrs

from assetstore_r2.testing.messages import Answer
from assetstore_r2.testing.refusals import RefusedError

MAX_KEYS = 1000
_END = re.compile(rb"</DeleteResult>\s*$|<DeleteResult([^>]*)/>\s*$")


def keys_of(body: bytes) -> list[str]:
    """Return the keys that a DeleteObjects names.

    Raises:
        RefusedError: the request is malformed to R2.
    """
    malformed = RefusedError(400, "MalformedXML", "The XML you provided was not well formed or did not validate.")
    try:
        document = ElementTree.fromstring(body)  # noqa: S314 - the test's own client
    except ElementTree.ParseError as error:
        raise malformed from error
    keys = [found.findtext("{*}Key") for found in document.iterfind("{*}Object")]
    if not 1 <= len(keys) <= MAX_KEYS or not all(keys) or document.findtext("{*}Quiet", "false") not in ("true", "false"):
        raise malformed
    return [key for key in keys if key]


def naming_all(answer: Answer, keys: Sequence[str]) -> Answer:
    """Return the response with a ``<Deleted>`` for each key that it omits, as other servers do for ``Quiet``."""
    document = ElementTree.fromstring(answer.body)  # noqa: S314 - the test's own server
    named = {found.text for found in document.iterfind("{*}Deleted/{*}Key")}
    named |= {found.text for found in document.iterfind("{*}Error/{*}Key")}
    missing = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys if key not in named).encode()
    if not missing:
        return answer
    end = _END.search(answer.body)
    if end is None:
        return answer
    if end[0].startswith(b"</"):
        return attrs.evolve(answer, body=answer.body[: end.start()] + missing + end[0])
    opened = b"<DeleteResult" + (end[1] or b"") + b">"
    return attrs.evolve(answer, body=answer.body[: end.start()] + opened + missing + b"</DeleteResult>")
