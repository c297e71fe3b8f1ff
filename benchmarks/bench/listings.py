"""An S3 service that only lists: a bucket of any number of keys that nobody stored, fast enough that the client is measured.

Run: ``python -m bench.listings COUNT``. It prints the port that it listens at and ends with its standard input. The keys lie
in folders of 1,000; an answer is a template in which the folder's number is filled in. Signatures are not looked at.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from hashlib import md5
from urllib.parse import parse_qs, urlsplit

FOLDER = 1000
"""Keys of a folder, and of a page."""
HOLE = b"#####"
"""Where a page has the number of its folder."""
HEAD = b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
CONTENTS = (
    "<Contents><Key>keys/{folder}/asset {number:03}.webp</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def page() -> bytes:
    """Return a page of a folder, with holes for its number."""
    made = [
        CONTENTS.format(
            folder=HOLE.decode(), number=number, size=16384 + number, etag=md5(str(number).encode()).hexdigest()
        )
        for number in range(FOLDER)
    ]
    return "".join(made).encode()


class Lister:
    """Answers the listings of S3.

    Attributes:
        folders: how many there are.
    """

    def __init__(self, count: int) -> None:
        self.folders = count // FOLDER
        self._page = page()

    def answer(self, target: str) -> bytes:
        """Return the body for a path with a query."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        prefix = query.get("prefix", "")
        if query.get("delimiter") and prefix.count("/") < 2:
            inside = range(self.folders) if prefix == "keys/" else ()
            found = b"".join(b"<CommonPrefixes><Prefix>keys/%05d/</Prefix></CommonPrefixes>" % number for number in inside)
            top = b"" if prefix else b"<CommonPrefixes><Prefix>keys/</Prefix></CommonPrefixes>"
            return self._closed(found + top, None)
        if prefix.count("/") == 2:
            return self._closed(self._page.replace(HOLE, prefix.split("/")[1].encode()), None)
        # A token is a folder's number; the last key of the page before, which the first version of listings sends, has it.
        last = query.get("start-after") or query.get("marker", "")
        after = query.get("continuation-token") or last.removeprefix("keys/").partition("/")[0]
        number = int(after) + 1 if after else 0
        if number >= self.folders:
            return self._closed(b"", None)
        return self._closed(self._page.replace(HOLE, b"%05d" % number), number if number + 1 < self.folders else None)

    def _closed(self, contents: bytes, number: int | None) -> bytes:
        token = b"" if number is None else b"<NextContinuationToken>%05d</NextContinuationToken>" % number
        truncated = b"false" if number is None else b"true"
        return HEAD + b"<IsTruncated>" + truncated + b"</IsTruncated>" + token + contents + b"</ListBucketResult>"


class Connection(asyncio.Protocol):
    """Answers the requests of a connection, none of which has a body."""

    def __init__(self, lister: Lister) -> None:
        self._lister = lister
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            body = self._lister.answer(head.split(b" ", 2)[1].decode())
            fields = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(fields + body)


async def serve(count: int) -> None:
    """Answer until the process ends."""
    lister = Lister(count)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(lister), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(serve(int(sys.argv[1])))
