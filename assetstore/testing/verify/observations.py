"""Observes by harmless requests what a service does where its documentation is silent."""

from __future__ import annotations

import gzip
import http.client
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from assetstore.direct.send import Sender
from assetstore.errors import AssetStoreError
from assetstore.results import PresignedRequest
from assetstore.store import AssetStore

RIVALS = 8
ROUNDS = 5
SECONDS_FOR_AN_INTERIM_ANSWER = 2.0
DATA = b"observed"


def observe(store: AssetStore, send: Sender) -> Iterator[str]:
    """Yield observations in sentences. Writes only under ``store``, which is scoped.

    ``send`` sends signed requests directly, so the answers are the service's and not the plugin's.
    """
    if store.can("upload.overwrite"):
        yield _seen(racing_creates, store)
    yield _seen(racing_overwrites, store)
    try:
        store.presign("a")
    except AssetStoreError:
        return
    for look in (signed_type, conditional_delete, conditional_put, ranges, checksums, packed_bytes, versions):
        yield _seen(look, store, send)
    if not store.can("application"):
        yield _seen(interim_answer, store)


def _seen(look: Callable[..., str], store: AssetStore, *senders: Sender) -> str:
    try:
        return look(store, *senders)
    except (AssetStoreError, OSError, http.client.HTTPException) as error:
        return f"{look.__name__.replace('_', ' ')}: could not be observed, {type(error).__name__}"


def racing_creates(store: AssetStore) -> str:
    """Let create-only writes race for one free key."""
    def race(key: str) -> int:
        return _race(lambda _: store.upload(DATA, key, overwrite=False)).count("won")

    winners = [race(f"created-{number}") for number in range(ROUNDS)]
    text = "exactly one won each time" if set(winners) == {1} else f"the winners were {', '.join(map(str, winners))}"
    return f"of {RIVALS} create-only writes that race for a free key, {ROUNDS} times: {text}"


def racing_overwrites(store: AssetStore) -> str:
    """Let plain writes race for one key."""
    outcomes = _race(lambda number: store.upload(DATA * number, "overwritten"))
    refused = sorted({outcome for outcome in outcomes if outcome != "won"})
    text = f"{outcomes.count('won')} succeeded" + (f", others ended in {', '.join(refused)}" if refused else "")
    return f"of {RIVALS} writes over one key at once: {text}"


def signed_type(store: AssetStore, send: Sender) -> str:
    """Request another content type."""
    store.upload(DATA, "type.png")
    _, _, headers = send(store.presign("type.png", content_type="text/plain"))
    found = headers.get("content-type", "none")
    honoured = "honoured" if found.startswith("text/plain") else "ignored"
    return f"response-content-type of a signed GET is {honoured}: asked for text/plain, answered {found}"


def conditional_delete(store: AssetStore, send: Sender) -> str:
    """Delete with a condition that does not hold."""
    store.upload(DATA, "condition")
    status, _, _ = send(store.presign("condition", method="DELETE"), headers={"If-Match": '"no-such-etag"'})
    stays = store.exists("condition")
    text = "honoured, the asset stays" if stays else "ignored, the asset is gone"
    return f"If-Match of another version on DELETE is answered {status}: {text}"


def conditional_put(store: AssetStore, send: Sender) -> str:
    """Put create-only over an asset, with an unsigned condition."""
    store.upload(DATA, "taken")
    status, _, _ = send(store.presign("taken", method="PUT"), b"other", headers={"If-None-Match": "*"})
    text = "honoured, the asset stays" if store.read("taken") == DATA else "ignored, the asset is replaced"
    return f"If-None-Match: * on a signed PUT over an asset is answered {status}: {text}"


def ranges(store: AssetStore, send: Sender) -> str:
    """Request ranges of bytes whose answer is not specified."""
    store.upload(DATA, "run")
    store.upload(b"", "empty")
    first = {"Range": "bytes=0-3"}
    head = send(store.presign("run", method="HEAD"), headers=first)
    empty = send(store.presign("empty"), headers=first)[0]
    length = head[2].get("content-length", "no")
    return f"a Range is answered {head[0]} (content-length {length}) to HEAD, and {empty} for an asset of no bytes"


def checksums(store: AssetStore, send: Sender) -> str:
    """Look for checksums in answers."""
    store.upload(DATA, "summed")
    whole = send(store.presign("summed"))[2]
    part = send(store.presign("summed"), headers={"Range": "bytes=0-3"})[2]
    named = [", ".join(name for name in sorted(found) if name.startswith("x-amz-checksum-")) for found in (whole, part)]
    return f"x-amz-checksum-* unasked: {named[0] or 'none'} with a whole GET, {named[1] or 'none'} with a ranged one"


def packed_bytes(store: AssetStore, send: Sender) -> str:
    """Read an asset with a Content-Encoding, whole and in a range, and compare it with the stored bytes."""
    packed = gzip.compress(DATA * 100, mtime=0)
    put = store.presign("packed", method="PUT", content_encoding="gzip")
    send(put, packed)
    request, seen = store.presign("packed"), []
    for accepted in ("identity", "gzip"):
        for headers, stored in (({}, packed), ({"Range": "bytes=4-13"}, packed[4:14])):
            answer = send(request, headers={**headers, "Accept-Encoding": accepted})
            how = "as stored" if answer.body == stored else "unpacked" if answer.body == DATA * 100 else "otherwise"
            seen.append(f"{'in a range' if headers else 'whole'} {how} ({accepted} accepted)")
    return f"bytes stored with Content-Encoding: gzip are sent {', '.join(seen)}"


def versions(store: AssetStore, send: Sender) -> str:
    """Look for version ids in answers."""
    store.upload(DATA, "version")
    found = send(store.presign("version"))[2]
    return f"x-amz-version-id with a GET: {'yes' if 'x-amz-version-id' in found else 'no'}"


def interim_answer(store: AssetStore) -> str:
    """Put with Expect: 100-continue, and wait for the interim answer before sending the body."""
    request = store.presign("expected", method="PUT")
    began = time.monotonic()
    connection = _connect(request)
    try:
        parts = urlsplit(request.url)
        connection.putrequest("PUT", f"{parts.path}?{parts.query}", skip_accept_encoding=True)
        for name, value in {**request.headers, "Content-Length": str(len(DATA)), "Expect": "100-continue"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answered = bool(select.select([connection.sock], [], [], SECONDS_FOR_AN_INTERIM_ANSWER)[0])
        waited = time.monotonic() - began
        connection.send(DATA)
        status = connection.getresponse().status
    finally:
        connection.close()
    late = f"does not come within {SECONDS_FOR_AN_INTERIM_ANSWER:.0f} s"
    text = f"comes after {waited * 1000:.0f} ms" if answered else late
    return f"the interim answer to Expect: 100-continue {text}; the PUT ends with {status}"


def _connect(request: PresignedRequest) -> http.client.HTTPConnection:
    parts = urlsplit(request.url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.netloc, timeout=30, context=ssl.create_default_context())
    return http.client.HTTPConnection(parts.netloc, timeout=30)


def _race(write: Callable[[int], object]) -> list[str]:
    """Return the outcome of each of several simultaneous writes: ``"won"`` or the class of the error."""
    start = threading.Barrier(RIVALS)

    def run(number: int) -> str:
        start.wait()
        try:
            write(number)
        except AssetStoreError as error:
            return type(error).__name__
        return "won"

    with ThreadPoolExecutor(RIVALS) as pool:
        return list(pool.map(run, range(RIVALS)))
