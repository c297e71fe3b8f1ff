"""Only signed requests are served, and all of them are."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlencode, urlsplit

import attrs
import pytest

from assetstore import AssetStore
from assetstore.plugin import Part, PresignOptions, SigningKeys
from assetstore_local import LocalBackend
from assetstore_local.http.put_request import PutRequest
from assetstore_local.http.server import Server
from assetstore_local.http.verify import Request

MUTATIONS = 5_000
KEY = "maps/keep é +%2F//x.webp"
HOST = "127.0.0.1:8420"
OPTIONS: dict[str, dict[str, Any]] = {
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
FORGED = b"<Code>SignatureDoesNotMatch</Code>"

Mutation = Callable[[random.Random, Request], Request]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    """Return a backend with an asset."""
    backend = LocalBackend(root=tmp_path, durable=False)
    with AssetStore(backend) as store:
        store.upload(b"abc", KEY)
        yield backend


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
    if isinstance(answer, PutRequest):
        answer.close()
        return True
    answer.close()
    if answer.status == 403 and request.method != "HEAD":
        assert isinstance(answer.body, bytes)
        assert FORGED in answer.body
    return answer.status not in (400, 403)


def changed_text(random: random.Random, text: str) -> str:
    """Change, drop, insert or swap a character."""
    place = random.randrange(len(text) + 1)
    letter = random.choice(string.ascii_letters + string.digits + "%/&=;.-_~+ \x00")
    return random.choice(
        [
            f"{text[:place]}{letter}{text[place + 1 :]}",
            f"{text[:place]}{text[place + 1 :]}",
            f"{text[:place]}{letter}{text[place:]}",
            f"{text[:place]}{text[place : place + 2][::-1]}{text[place + 2 :]}",
        ]
    )


def change_path(random: random.Random, request: Request) -> Request:
    """Ask for another key."""
    other = random.choice(["..", ".", "", "a", "%2e%2e", "maps/../maps", "%00", "%ff", "/etc/passwd", "." * 2000])
    path = request.path.decode()
    return attrs.evolve(
        request, path=random.choice([changed_text(random, path), f"{path}/{other}", f"{other}/{path}", other]).encode()
    )


def change_query(random: random.Random, request: Request) -> Request:
    """Change a character of the query."""
    return attrs.evolve(request, query=changed_text(random, request.query))


def change_parameter(random: random.Random, request: Request) -> Request:
    """Drop, double, rename, add or change a parameter."""
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
            [(name, str(int(value) + 1)) if value.isdigit() else (name, "")],
        ]
    )
    return attrs.evolve(request, query=urlencode(pairs, quote_via=quote))


def change_method(random: random.Random, request: Request) -> Request:
    """Send it by another method."""
    others = [method for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "get") if method != request.method]
    headers = {**request.headers, "content-length": "3"}
    return attrs.evolve(request, method=random.choice(others), headers=headers)


def change_header(random: random.Random, request: Request) -> Request:
    """Leave a bound header out, change it, or add unsigned metadata."""
    headers = dict(request.headers)
    bound = [name for name in headers if name != "host" and name in unquote(request.query)]
    if not bound:
        return change_method(random, request)
    name = random.choice([*bound, "x-amz-meta-evil"])
    if random.random() < 0.3 and name in headers:
        del headers[name]
    else:
        headers[name] = changed_text(random, headers.get(name, "evil"))
    return attrs.evolve(request, headers=headers)


CHANGES: list[Mutation] = [change_path, change_query, change_parameter, change_method, change_header]


def meaning(request: Request) -> object:
    """Return the meaning of a request, however it is spelled."""
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, strict_parsing=True, errors="strict")
        return request.method, unquote_to_bytes(request.path), sorted(pairs), sorted(request.headers.items())
    except ValueError:
        return None


@pytest.mark.parametrize("kind", OPTIONS)
def test_of_thousands_of_forgeries_none_is_accepted_and_nothing_genuine_refused(backend: LocalBackend, kind: str) -> None:
    """Of 5,000 changes to each kind of signed request, those that change its meaning are refused, others served."""
    server, dice = backend.server(), random.Random(kind)
    genuine = signed(backend, **OPTIONS[kind])
    wrong = []
    for _ in range(MUTATIONS):
        request = dice.choice(CHANGES)(dice, genuine)
        if accepted(server, request) != (meaning(request) == meaning(genuine)):
            wrong.append(request)
    assert [] == wrong
    assert accepted(server, genuine)


def test_every_bit_of_a_signature_counts(backend: LocalBackend) -> None:
    """No character of a signature can be replaced."""
    server, genuine = backend.server(), signed(backend)
    head, name, signature = genuine.query.partition("X-Assetstore-Signature=")
    forged = [
        attrs.evolve(genuine, query=f"{head}{name}{signature[:place]}{letter}{signature[place + 1 :]}")
        for place in range(len(signature))
        for letter in string.ascii_letters + string.digits + "-_."
        if letter != signature[place]
    ]
    # The last of 43 characters has two bits that mean nothing; they count all the same.
    assert [] == [request.query for request in forged if accepted(server, request)]


def test_a_signature_is_good_for_its_own_method_alone(backend: LocalBackend) -> None:
    """The signature covers the purpose."""
    server, headers = backend.server(), {"host": HOST, "content-length": "3"}
    methods = ("GET", "HEAD", "PUT", "DELETE")
    matrix = {
        (of, by): accepted(server, attrs.evolve(signed(backend, method=of), method=by, headers=headers))
        for of in methods
        for by in methods
    }
    # DELETE comes last, so the asset is there till then.
    assert {pair: pair[0] == pair[1] for pair in matrix} == matrix


def test_keys_are_rotated_without_breaking_what_they_signed(tmp_path: Path) -> None:
    """A new key in front signs; the old one verifies until it is taken out."""
    old, new = "o" * 32, "n" * 32
    before = LocalBackend(root=tmp_path, signing_keys=(old,))
    AssetStore(before).upload(b"", KEY)
    request = signed(before)
    assert accepted(LocalBackend(root=tmp_path, signing_keys=(new, old)).server(), request)
    assert not accepted(LocalBackend(root=tmp_path, signing_keys=(new,)).server(), request)
    assert accepted(before.server(), request)


def test_a_token_of_a_direct_upload_is_no_signature_of_a_url(backend: LocalBackend) -> None:
    """The same keys sign both, for separate purposes."""
    ring: SigningKeys = backend.server().keys()
    genuine = signed(backend)
    stolen = ring.sign("direct-upload", "GET", KEY)
    head = genuine.query.partition("X-Assetstore-Signature=")[0]
    assert not accepted(backend.server(), attrs.evolve(genuine, query=f"{head}X-Assetstore-Signature={stolen}"))
