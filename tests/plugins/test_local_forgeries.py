"""Only signed requests are served, and all of them are."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from assetstore import AssetStore
from assetstore.plugin import SigningKeys
from assetstore_local import LocalBackend
from score.forgeries import HOST, KEY, OPTIONS, accepted, misjudged, signed

MUTATIONS = 5_000


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    """Return a backend with an asset."""
    backend = LocalBackend(root=tmp_path, durable=False)
    with AssetStore(backend) as store:
        store.upload(b"abc", KEY)
        yield backend


@pytest.mark.parametrize("kind", OPTIONS)
def test_of_thousands_of_forgeries_none_is_accepted_and_nothing_genuine_refused(backend: LocalBackend, kind: str) -> None:
    """Of 5,000 changes to each kind of signed request, those that change its meaning are refused, others served."""
    assert ([], []) == misjudged(backend, kind, MUTATIONS, "test")


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
