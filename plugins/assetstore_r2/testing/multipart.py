"""Enforces R2's rule that the parts of an upload have equal sizes."""

from __future__ import annotations

import re
import threading
from xml.etree import ElementTree

from assetstore_r2.testing.calls import Call
from assetstore_r2.testing.messages import Answer
from assetstore_r2.testing.refusals import RefusedError

_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class Parts:
    """The part sizes of all unfinished uploads; the size of a part copied whole is unknown and not checked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: dict[str, dict[int, int | None]] = {}

    def note(self, call: Call, answer: Answer) -> None:
        """Record the effect of a successful call on an upload."""
        if not 200 <= answer.status < 300 or b"<Error" in answer.body[:200]:
            return
        with self._lock:
            if call.operation == "UploadPart":
                self._sizes.setdefault(call.upload, {})[int(call.query["partNumber"])] = len(call.body)
            elif call.operation == "UploadPartCopy":
                self._sizes.setdefault(call.upload, {})[int(call.query["partNumber"])] = copied_size(call)
            elif call.operation in ("AbortMultipartUpload", "CompleteMultipartUpload"):
                self._sizes.pop(call.upload, None)

    def check(self, call: Call) -> None:
        """Refuse to complete an upload of unequal parts.

        Raises:
            RefusedError: the list of parts is malformed or names one twice, or the parts are unequal.
        """
        numbers = sorted(_part_numbers(call.body))
        if len(set(numbers)) < len(numbers):
            raise RefusedError(400, "InvalidPart", "There was a problem with the multipart upload.")
        with self._lock:
            known = self._sizes.get(call.upload, {})
            sizes = [known.get(number) for number in numbers]
        *equal, last = sizes
        first = next((size for size in equal if size is not None), None)
        if any(size not in (None, first) for size in equal) or (first is not None and last is not None and last > first):
            raise RefusedError(400, "InvalidPart", "All non-trailing parts must have the same length.")


def copied_size(call: Call) -> int | None:
    """Return how many bytes an UploadPartCopy takes, ``None`` for the whole source."""
    found = _COPY_RANGE.fullmatch(call.headers.get("x-amz-copy-source-range", ""))
    return int(found[2]) - int(found[1]) + 1 if found else None


def _part_numbers(body: bytes) -> list[int]:
    malformed = RefusedError(400, "MalformedXML", "The XML you provided was not well formed or did not validate.")
    try:
        numbers = [int(part.text or "") for part in ElementTree.fromstring(body).iterfind("{*}Part/{*}PartNumber")]  # noqa: S314 - the test's own client
    except (ElementTree.ParseError, ValueError) as error:
        raise malformed from error
    if not numbers:
        raise malformed
    return numbers
