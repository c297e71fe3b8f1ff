"""Changes signed requests in every way that might let a stranger in, and asks a server of the local store for each.

A change that leaves the meaning of a request as it was has to be served, every other one has to be refused.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlencode, urlsplit

import attrs

from assetstore.plugin import Part, PresignOptions
from assetstore_local import LocalBackend
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.server import Server
from assetstore_local.http.verify import Request

KEY = "maps/keep é +%2F//x.webp"
HOST = "127.0.0.1:8420"
OPTIONS: Mapping[str, dict[str, Any]] = {
    "GET": {"method": "GET", "content_type": "image/webp", "download_as": "Käse.webp"},
    "HEAD": {"method": "HEAD", "window": 60},
    "PUT": {
        "method": "PUT",
        "content_type": "image/webp",
        "content_length": 3,
        "sha256": "ab" * 32,
        "overwrite": False,
        "metadata": {"by": "gm", "note": "ü"},
        "cache_control": "max-age=60",
    },
    "DELETE": {"method": "DELETE"},
    "part": {"method": "PUT", "part": Part(upload_id="0" * 32, number=7), "content_length": 3},
}
_FORGED = b"<Code>SignatureDoesNotMatch</Code>"
_SIGNATURE = "X-Assetstore-Signature="

Mutation = Callable[[random.Random, Request], Request]


def signed(backend: LocalBackend, key: str = KEY, **options: Any) -> Request:
    """Return a signed request as the server gets it."""
    request = backend.assetstore_presign(key=key, options=PresignOptions(**options))
    assert request is not None
    url = urlsplit(request.url)
    headers = {"host": HOST, "content-length": "3", **request.headers} if request.method == "PUT" else {"host": HOST}
    return Request(method=request.method, path=url.path.encode()[1:], query=url.query, headers=headers)


def accepted(server: Server, request: Request) -> bool:
    """Return whether the signature was accepted; all refusals must be alike."""
    answer = server.open(request)
    answer.close()
    if isinstance(answer, PutRequest):
        return True
    if answer.status == 403 and request.method != "HEAD":
        assert isinstance(answer.body, bytes)
        assert _FORGED in answer.body
    return answer.status not in (400, 403)


def meaning(request: Request) -> object:
    """Return the meaning of a request, however it is spelled."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, strict_parsing=True, errors="strict")
        return request.method, unquote_to_bytes(request.path), sorted(pairs), sorted(request.headers.items())
    except ValueError:
        return None


def misjudged(backend: LocalBackend, kind: str, count: int, seed: object) -> tuple[list[Request], list[Request]]:
    """Change a genuine request of a kind so many times; return the forged ones accepted and the genuine ones refused."""
    server, dice = backend.server(), random.Random(f"{seed} {kind}")
    genuine = signed(backend, **OPTIONS[kind])
    meant = meaning(genuine)
    let_in: list[Request] = []
    refused: list[Request] = []
    for _ in range(count):
        request = dice.choice(CHANGES)(dice, genuine)
        served, wanted = accepted(server, request), meaning(request) == meant
        if served != wanted:
            (let_in if served else refused).append(request)
    if not accepted(server, genuine):
        refused.append(genuine)
    return let_in, refused


def changed_text(random: random.Random, text: str) -> str:
    """Change, drop, insert or swap a character, or flip a bit of one."""
    place = random.randrange(len(text) + 1)
    letter = random.choice(string.ascii_letters + string.digits + "%/&=;.-_~+ \x00")
    flipped = "".join(chr(ord(character) ^ 1 << random.randrange(7)) for character in text[place : place + 1])
    return random.choice(
        [
            f"{text[:place]}{letter}{text[place + 1 :]}",
            f"{text[:place]}{text[place + 1 :]}",
            f"{text[:place]}{letter}{text[place:]}",
            f"{text[:place]}{text[place : place + 2][::-1]}{text[place + 2 :]}",
            f"{text[:place]}{flipped}{text[place + 1 :]}",
        ]
    )


def _change_path(random: random.Random, request: Request) -> Request:
    """Ask for another key."""
    other = random.choice(["..", ".", "", "a", "%2e%2e", "maps/../maps", "%00", "%ff", "/etc/passwd", "." * 2000])
    path = request.path.decode()
    paths = [changed_text(random, path), f"{path}/{other}", f"{other}/{path}", other, quote(path), unquote(path)]
    return attrs.evolve(request, path=random.choice(paths).encode())


def _change_query(random: random.Random, request: Request) -> Request:
    """Change a character of the query."""
    return attrs.evolve(request, query=changed_text(random, request.query))


def _change_parameter(random: random.Random, request: Request) -> Request:
    """Drop, double, rename, add or change a parameter, or let it swallow what follows it."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    place = random.randrange(len(pairs))
    name, value = pairs[place]
    pairs[place : place + 1] = random.choice(
        [
            [],
            [pairs[place], pairs[place]],
            [(name.swapcase(), value)],
            [(name, changed_text(random, value))],
            [(name, value), ("partNumber", "1")],
            [(name, value), ("response-content-type", "text/html")],
            [(name, value), ("versionId", "1")],
            [(name, value), ("uploadId", "")],
            [(name, str(int(value) + random.choice([-1, 1, 10**9]))) if value.isdigit() else (name, "")],
            [(name, f"{value}&{pairs[place - 1][0]}={pairs[place - 1][1]}")],
        ]
    )
    return attrs.evolve(request, query=urlencode(pairs, quote_via=quote))


def _change_method(random: random.Random, request: Request) -> Request:
    """Send it by another method."""
    others = [method for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "get") if method != request.method]
    headers = {**request.headers, "content-length": "3"}
    return attrs.evolve(request, method=random.choice(others), headers=headers)


def _change_header(random: random.Random, request: Request) -> Request:
    """Leave a bound header out, change it, or add unsigned metadata."""
    headers = dict(request.headers)
    bound = [name for name in headers if name != "host" and name in unquote(request.query)]
    if not bound:
        return _change_method(random, request)
    name = random.choice([*bound, "x-amz-meta-evil"])
    if random.random() < 0.3 and name in headers:
        del headers[name]
    else:
        headers[name] = changed_text(random, headers.get(name, "evil"))
    return attrs.evolve(request, headers=headers)


def _change_signature(random: random.Random, request: Request) -> Request:
    """Replace a character of the signature, which no spelling may hide."""
    head, name, signature = request.query.partition(_SIGNATURE)
    place = random.randrange(len(signature))
    letter = random.choice((string.ascii_letters + string.digits + "-_").replace(signature[place], ""))
    return attrs.evolve(request, query=f"{head}{name}{signature[:place]}{letter}{signature[place + 1 :]}")


def _respell(random: random.Random, request: Request) -> Request:
    """Send the same in another way: parameters in another order, characters quoted that need not be."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    random.shuffle(pairs)
    path = unquote_to_bytes(request.path)
    spelled = "".join(f"%{byte:02{random.choice('xX')}}" if random.random() < 0.5 else quote(bytes([byte])) for byte in path)
    return attrs.evolve(request, path=spelled.encode(), query=urlencode(pairs, quote_via=quote))


CHANGES: tuple[Mutation, ...] = (
    _change_path,
    _change_query,
    _change_parameter,
    _change_method,
    _change_header,
    _change_signature,
    _respell,
)
