"""Speaks HTTP with the client and the upstream server, by h11."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

import attrs
import h11

from assetstore_r2.testing.messages import Answer, Fields, Request

_HEAD_LIMIT = 256 << 10  # above h11's 16 KiB, so that tests can send too much metadata
_READ = 256 << 10
_OF_ONE_CONNECTION = ("connection", "keep-alive", "proxy-connection", "transfer-encoding")
_WITHOUT_BODY = (204, 304)


class Client:
    """The connection to a client."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._left = b""
        self._whole = True
        self._head_sent = False
        self._method = ""

    def next_request(self, base: str) -> Request | None:
        """Return the head of the next request, its target without ``base``; ``None`` when there is none."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        event = self._event()
        if not isinstance(event, h11.Request):
            return None
        self._left, self._whole, self._head_sent = b"", False, False
        self._method = event.method.decode()
        target = event.target.decode("latin-1").removeprefix(base)
        return Request(method=self._method, target=target, fields=_fields(event.headers))

    def take(self, count: int | None) -> bytes:
        """Return the next bytes of the request's body, at most ``count``, fewer only at its end."""
        data = bytearray(self._left)
        while not self._whole and (count is None or len(data) < count):
            event = self._event()
            if isinstance(event, h11.Data):
                data += event.data
            else:
                self._whole = True
        taken = bytes(data[:count])
        self._left = bytes(data[len(taken) :])
        return taken

    def send(self, answer: Answer, data: bytes) -> None:
        """Send some bytes of a response, its head before the first of them."""
        if not self._head_sent:
            fields = tuple(field for field in answer.fields if field[0] not in _OF_ONE_CONNECTION)
            # A response to HEAD has no body, but the Content-Length of the one that GET would have.
            if answer.body or (self._method != "HEAD" and answer.status not in _WITHOUT_BODY):
                fields = tuple(field for field in fields if field[0] != "content-length")
                fields = (*fields, ("content-length", str(len(answer.body))))
            self._write(h11.Response(status_code=answer.status, headers=_raw(fields)))
            self._head_sent = True
        if data and self._method != "HEAD":
            self._write(h11.Data(data=data))

    def finish(self) -> bool:
        """End the response and return whether the connection can serve another request."""
        self._write(h11.EndOfMessage())
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def end(self, *, reset: bool) -> bool:
        """End the connection and return false: it cannot serve another request."""
        if reset:
            _reset(self._socket)
        return False

    def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(self._socket.recv(_READ))
        except h11.RemoteProtocolError as error:
            raise EOFError("the client ended the connection, or does not speak HTTP") from error
        return event

    def _write(self, event: h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage) -> None:
        self._socket.sendall(self._http.send(event) or b"")


@attrs.frozen(kw_only=True)
class Upstream:
    """The address of the upstream server."""

    host: str
    port: int

    def connect(self) -> socket.socket:
        """Return a new connection."""
        connection = socket.create_connection((self.host, self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, connection: socket.socket, request: Request) -> Answer:
        """Send a request and return the response.

        Raises:
            EOFError: the response is missing or incomplete.
        """
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        sent = [_head(request), h11.Data(data=request.body), h11.EndOfMessage()]
        with suppress(ConnectionError):  # a server may refuse before it has read everything; its response counts
            for event in sent:
                connection.sendall(http.send(event) or b"")
        return _answer(connection, http)

    def send_cut(self, connection: socket.socket, request: Request, *, reset: bool) -> None:
        """Send the beginning of a request and end the connection."""
        http = h11.Connection(h11.CLIENT)
        connection.sendall(http.send(_head(request)) or b"")
        connection.sendall(http.send(h11.Data(data=request.body)) or b"")
        if reset:
            _reset(connection)


def is_cut(request: Request) -> bool:
    """Return whether a request sent a part of its body and then less than its head announces.

    Only such a request can be passed on: servers take others for complete, SeaweedFS even one whose body is missing.
    """
    length = request.headers.get("content-length")
    return bool(request.body) and (length is None or len(request.body) < int(length))


def _head(request: Request) -> h11.Request:
    own = tuple(field for field in request.fields if field[0] not in _OF_ONE_CONNECTION or field[0] == "transfer-encoding")
    fields = _raw((*own, ("connection", "close")))
    return h11.Request(method=request.method, target=request.target.encode("latin-1"), headers=fields)


def _answer(connection: socket.socket, http: h11.Connection) -> Answer:
    response: h11.Response | None = None
    body = bytearray()
    try:
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(connection.recv(_READ))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
    except h11.RemoteProtocolError as error:
        raise EOFError("the upstream server ended the connection, or does not speak HTTP") from error
    assert response is not None
    return Answer(status=response.status_code, fields=_fields(response.headers), body=bytes(body))


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _raw(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
