"""What differs between ASGI and WSGI: how paths, headers and files are passed, and how a disconnect ends."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, PresignedRequest
from assetstore_local import LocalBackend, asgi, wsgi
from assetstore_local.http.asgi import _below
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.responses import ErrorResponse
from assetstore_local.http.verify import Request
from local_server import running, send

LARGE = bytes(range(256)) * 4096


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AssetStore]:
    """Return a store with a small and a large asset."""
    with AssetStore(LocalBackend(root=tmp_path / "assets", durable=False)) as store:
        store.upload(b"abc", "%41/ü")
        store.upload(LARGE, "large")
        yield store


@pytest.fixture
def closed() -> Iterator[None]:
    """Require that no file stays open."""
    before = sorted(os.listdir("/dev/fd"))
    yield
    assert before == sorted(os.listdir("/dev/fd"))


@attrs.define
class Client:
    """An ASGI server and its client, who hangs up where a message says so."""

    store: AssetStore
    messages: list[MutableMapping[str, Any]] = attrs.field(factory=list)
    sent: list[MutableMapping[str, Any]] = attrs.field(factory=list)
    waiting: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def receive(self) -> MutableMapping[str, Any]:
        """Return the next message, or wait for ever."""
        if self.messages:
            return self.messages.pop(0)
        self.waiting.set()
        await asyncio.Future()
        raise AssertionError

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a message, and read a file while it is open."""
        if "file" in message:
            message["body"] = os.pread(message["file"].fileno(), message["count"], message["offset"])
        self.sent.append(message)

    async def ask(self, request: PresignedRequest, headers: dict[str, str] | None = None, **scope: Any) -> None:
        """Send the head of a request."""
        url = urlsplit(request.url)
        fields = {"host": url.netloc, **request.headers, **(headers or {})}
        whole = {
            "type": "http",
            "method": request.method,
            "path": url.path,
            "raw_path": url.path.encode(),
            "root_path": "",
            "query_string": url.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        }
        await asgi(self.store)(whole | scope, self.receive, self.send)

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        """The body of the response."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def staged(store: AssetStore, root: Path) -> list[str]:
    """Return the temporary files."""
    return os.listdir(root / "assets" / ".assetstore" / "tmp")


@pytest.mark.parametrize("extra", [{}, {"raw_path": None}, {"raw_path": b""}])
def test_a_server_may_tell_the_path_decoded(store: AssetStore, extra: dict[str, Any]) -> None:
    """Without ``raw_path``, which ASGI leaves to the server, a key that looks quoted is not decoded again."""
    for place in ("", "/assets"):
        path = {} if not extra else {**extra, "path": f"{place}/%41/ü"}
        raw = {"raw_path": f"{place}/{quote('%41/ü')}".encode(), "path": f"{place}/%41/ü", "root_path": place}
        client = Client(store)
        asyncio.run(client.ask(store.presign("%41/ü"), **raw | path))
        assert (200, b"abc") == (client.status, client.body)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.text("ab/%Ä ", max_size=8), st.randoms())
def test_what_is_below_a_mount_is_found_however_the_mount_is_quoted(mount: str, key: str, random: Any) -> None:
    """A client may quote any byte of the mount; the key behind it stays as it was sent."""
    prefix = f"/{mount.strip('/')}" if mount.strip("/") else ""
    raw = b"".join(
        f"%{byte:02x}".encode() if byte >= 128 or byte in b"%? " or random.random() < 0.3 else bytes([byte])
        for byte in prefix.encode()
    )
    assert quote(key).encode() == _below(raw + b"/" + quote(key).encode(), prefix.encode())


def test_a_path_that_is_not_below_the_mount_costs_no_more_than_another() -> None:
    """The time to find the mount depends on the mount, not on the path that a client sends."""
    for mount in (b"", b"/mount"):
        raw = b"http://x/" + b"%41" * 20_000
        assert raw == _below(raw, mount)


@pytest.mark.usefixtures("closed")
def test_a_server_that_sends_files_is_given_the_file(store: AssetStore) -> None:
    """By ``zerocopysend`` the kernel sends a range of the open file, which is closed afterwards."""
    client, run = Client(store), Client(store)
    extensions = {"http.response.zerocopysend": {}, "http.response.pathsend": {}}
    asyncio.run(client.ask(store.presign("large"), extensions=extensions))
    asyncio.run(run.ask(store.presign("large"), headers={"range": "bytes=1-500000"}, extensions=extensions))
    assert (200, LARGE, 206, LARGE[1:500_001]) == (client.status, client.body, run.status, run.body)
    assert ["http.response.start", "http.response.zerocopysend"] == [message["type"] for message in client.sent]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(client.sent[1]["file"].fileno())


@pytest.mark.usefixtures("closed")
def test_no_name_of_a_file_is_handed_over(store: AssetStore) -> None:
    """Opened by its name, the file could be another version than the headers describe, so ``pathsend`` is not used."""
    client = Client(store)
    asyncio.run(client.ask(store.presign("large"), extensions={"http.response.pathsend": {}}))
    assert (LARGE, {"http.response.body"}) == (client.body, {message["type"] for message in client.sent[1:]})


@pytest.mark.usefixtures("closed")
def test_a_client_that_hangs_up_is_sent_no_more(store: AssetStore) -> None:
    """The rest of a large asset is not even read."""
    client = Client(store, messages=[{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])
    asyncio.run(client.ask(store.presign("large")))
    assert len(client.body) < len(LARGE)


@pytest.mark.usefixtures("closed")
def test_an_upload_whose_client_hangs_up_leaves_nothing(store: AssetStore, tmp_path: Path) -> None:
    """Nothing is sent or stored, and no file is left."""
    part = {"type": "http.request", "body": bytes(2 << 20), "more_body": True}
    client = Client(store, messages=[part, {"type": "http.disconnect"}])
    asyncio.run(client.ask(store.presign("new", method="PUT"), headers={"content-length": str(9 << 20)}))
    assert ([], [], False) == (client.sent, staged(store, tmp_path), store.exists("new"))


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("steps", [*range(12), None])
def test_an_upload_that_its_server_calls_off_leaves_nothing(store: AssetStore, tmp_path: Path, steps: int | None) -> None:
    """Whenever the task is cancelled, its threads end, and the files that they opened are closed."""

    async def call_off() -> None:
        client = Client(store, messages=[{"type": "http.request", "body": bytes(2 << 20), "more_body": True}])
        asking = client.ask(store.presign("new", method="PUT"), headers={"content-length": str(9 << 20)})
        task = asyncio.ensure_future(asking)
        if steps is None:
            await client.waiting.wait()
        for _ in range(steps or 0):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)

    asyncio.run(call_off())
    assert ([], False) == (staged(store, tmp_path), store.exists("new"))


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("steps", range(12))
def test_a_download_that_its_server_calls_off_is_closed(store: AssetStore, steps: int) -> None:
    """The application closes a file that a thread opens for a cancelled task."""

    async def call_off() -> None:
        task = asyncio.ensure_future(Client(store).ask(store.presign("large")))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)

    asyncio.run(call_off())


@pytest.mark.usefixtures("closed")
def test_what_comes_after_the_end_is_written_nowhere(store: AssetStore, tmp_path: Path) -> None:
    """A thread that runs on after the end writes nothing: its descriptor may belong to another file."""
    backend = LocalBackend(root=tmp_path / "assets", durable=False)
    url = urlsplit(store.presign("new", method="PUT").url)
    headers = {"host": url.netloc, "content-length": str(1 << 30)}
    put = backend.server().open(Request(method="PUT", path=b"new", query=url.query, headers=headers))
    assert isinstance(put, PutRequest)
    refusals: list[ErrorResponse] = []

    def write_on() -> None:
        try:
            # So many bytes that the end comes before they are written, even if the other thread has to wait for its turn.
            for _ in range(1 << 10):
                put.write(bytes(1 << 20))
        except ErrorResponse as refusal:
            refusals.append(refusal)

    thread = threading.Thread(target=write_on)
    thread.start()
    (place,) = (tmp_path / "assets" / ".assetstore" / "tmp").iterdir()
    while place.stat().st_size < 3 << 20:
        continue
    put.close()
    with (tmp_path / "other").open("w+b") as other:
        thread.join()
        with pytest.raises(ErrorResponse):
            put.write(b"late")
        with pytest.raises(ErrorResponse):
            put.finish()
        assert b"" == other.read()
    assert ["IncompleteBody"] == [refusal.code for refusal in refusals]
    assert ([], False) == (staged(store, tmp_path), store.exists("new"))


@pytest.mark.usefixtures("closed")
def test_an_answer_that_its_server_calls_off_is_closed(store: AssetStore) -> None:
    """A server that fails while it sends keeps no file open."""

    class FailingError(Exception):
        pass

    class Failing(Client):
        async def send(self, message: MutableMapping[str, Any]) -> None:
            raise FailingError

    for headers in ({}, {"range": "bytes=0-499999"}):
        with pytest.raises(FailingError):
            asyncio.run(Failing(store).ask(store.presign("large"), headers=headers))


def test_a_server_may_ask_how_the_application_lives(store: AssetStore) -> None:
    """The application handles the lifespan protocol, so that no server warns of it."""
    client = Client(store, messages=[{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    asyncio.run(asgi(store)({"type": "lifespan"}, client.receive, client.send))
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [message["type"] for message in client.sent]


def environ(request: PresignedRequest, body: bytes = b"", **more: Any) -> dict[str, Any]:
    """Return a request as a WSGI server passes it."""
    url = urlsplit(request.url)
    return {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }


@pytest.mark.usefixtures("closed")
def test_a_body_that_is_never_asked_for_is_closed(store: AssetStore) -> None:
    """A server that gives up before it sends, or after the head, keeps no file open."""
    request = store.presign("large")
    for more in ({}, {"HTTP_RANGE": "bytes=0-9"}, {"wsgi.file_wrapper": Whole}):
        answered: Any = wsgi(store)(environ(request, **more), lambda *_: None)
        answered.close()

    def fail(*_: object) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        wsgi(store)(environ(request), fail)


class Whole:
    """Sends a file from its position to its end, as servers do by the kernel."""

    def __init__(self, file: io.BufferedReader, _: int) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        yield from self.file

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@pytest.mark.usefixtures("closed")
def test_a_whole_file_is_handed_to_a_server_that_sends_files(store: AssetStore) -> None:
    """``wsgi.file_wrapper`` gets whole assets only; a range, which it might exceed, is sent in chunks."""
    request = store.presign("large")
    for more, kind, expected in (({}, Whole, LARGE), ({"HTTP_RANGE": "bytes=1-9"}, object, LARGE[1:10])):
        answered: Any = wsgi(store)(environ(request, **{"wsgi.file_wrapper": Whole, **more}), lambda *_: None)
        assert (expected, True) == (b"".join(answered), isinstance(answered, kind))
        assert isinstance(answered, Whole) == (kind is Whole)
        answered.close()


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_names_of_metadata_may_hold_what_cgi_cannot_tell_apart(interface: str, tmp_path: Path) -> None:
    """``_`` and ``-`` are the same to CGI; metadata are stored under the signed name."""
    metadata = {"taken_by": "gm", "taken-at": "night", "a.b_c-d": "x"}
    with running(interface, tmp_path) as store:
        assert 200 == send(store.presign("a", method="PUT", metadata=metadata), b"abc").status
        assert metadata == dict(store.stat("a").metadata or {})
