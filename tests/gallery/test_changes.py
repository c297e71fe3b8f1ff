"""Renaming, moving, deleting and editing by the gallery."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import ASKING, Visit, do

from assetstore import open_store


def test_many_assets_are_moved_and_what_fails_is_named(visit: Visit) -> None:
    """A move tells what is done and what is not, and takes no key that another asset has."""
    with open_store("memory:") as store:
        client = visit(store)
        for key in ("a.txt", "b.txt", "maps/b.txt"):
            store.upload(key.encode(), key=key)
        answer = do(client, "move", items=[{"key": "a.txt", "to": "maps/a.txt"}, {"key": "b.txt", "to": "maps/b.txt"}])
        assert (409, ["a.txt"]) == (answer.status_code, answer.json()["done"])
        assert [("b.txt", "AlreadyExists")] == [(each["key"], each["error"]) for each in answer.json()["failed"]]
        assert ["b.txt", "maps/a.txt", "maps/b.txt"] == [info.key for info in store.list()]
        assert 200 == do(client, "move", items=[{"key": "b.txt", "to": "maps/b.txt"}], overwrite=True).status_code
        assert b"b.txt" == store.read("maps/b.txt")


@pytest.mark.parametrize("address", ["memory:", "file:{}"])
def test_a_change_is_bound_to_the_version_that_was_seen(visit: Visit, tmp_path: Path, address: str) -> None:
    """What somebody else has replaced meanwhile is neither moved nor deleted nor edited."""
    with open_store(address.format(tmp_path)) as store:
        client = visit(store)
        seen = store.upload(b"old", key="a.txt").etag
        now = store.upload(b"new", key="a.txt").etag
        item = {"key": "a.txt", "etag": seen}
        answers = [
            do(client, "move", items=[{**item, "to": "b.txt"}]),
            do(client, "delete", items=[item]),
            do(client, "update", **item, content_type="text/html"),
        ]
        assert [409] * 3 == [answer.status_code for answer in answers]
        assert (b"new", "text/plain") == (store.read("a.txt"), store.stat("a.txt").content_type)
        edited = do(client, "update", key="a.txt", etag=now, cache_control="no-store", metadata={"by": "Änne"})
        assert 200 == edited.status_code
        assert ("no-store", {"by": "Änne"}) == (store.stat("a.txt").cache_control, dict(store.stat("a.txt").metadata or {}))
        assert 200 == do(client, "delete", items=[{"key": "a.txt", "etag": store.stat("a.txt").etag}]).status_code
        assert [] == list(store.list())


def test_what_was_deleted_comes_back_from_the_trash(visit: Visit) -> None:
    """Where the store has a trash, a deleted asset is restored from it."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        client = visit(store)
        store.upload(b"a", key="-a.txt")
        assert 200 == do(client, "delete", items=[{"key": "-a.txt"}]).status_code
        assert not store.exists("-a.txt")
        assert 200 == do(client, "restore", key="-a.txt").status_code
        assert b"a" == store.read("-a.txt")
        assert 404 == do(client, "restore", key="b.txt").status_code


@pytest.mark.parametrize("action", ["move", "delete", "update", "restore"])
def test_a_change_needs_the_right_and_a_sound_request(visit: Visit, action: str) -> None:
    """A visitor who may only look, another site's request and nonsense are refused, each with a reason."""
    with open_store("memory:") as store:
        store.upload(b"a", key="a.txt")
        question = {"key": "a.txt", "items": [{"key": "a.txt", "to": "b.txt"}]}
        refused = [
            do(visit(store, read_only=True), action, **question),
            visit(store).post(f"/do/{action}", json=question),
            visit(store).post(f"/do/{action}", json=question, headers={**ASKING, "Sec-Fetch-Site": "cross-site"}),
        ]
        assert [403] * 3 == [answer.status_code for answer in refused]
        for nonsense in (b"", b"[]", b"{}", b'{"items": 5}', b'{"items": [3]}', b"[" * 100_000):
            answer = visit(store).post(f"/do/{action}", content=nonsense, headers=ASKING)
            assert answer.status_code in (400, 409)
            assert answer.json()["message"]
        assert ["a.txt"] == [info.key for info in store.list()]


@pytest.mark.parametrize(
    ("action", "question"),
    [
        ("delete", rb'{"items": [{"key": "\ud800", "etag": "x"}]}'),
        ("delete", rb'{"items": [{"key": null}]}'),
        ("delete", rb'{"items": [{"key": "a.txt"}, {"key": 5}]}'),
        ("move", rb'{"items": [{"key": "a.txt", "to": "b.txt"}, {"key": "None"}]}'),
        ("update", rb'{"key": null, "cache_control": "no-store"}'),
        ("restore", rb'{"key": "a.txt", "entry": 5}'),
        ("upload/begin", rb'{"key": "b.txt", "size": Infinity}'),
        ("upload/begin", rb'{"key": "b.txt", "size": 1e999}'),
        ("upload/parts", rb'{"token": "x", "numbers": [1e999]}'),
        ("upload/finish", rb'{"token": {"a": 1}}'),
    ],
)
def test_a_question_that_is_wrong_is_refused_before_anything_is_done(visit: Visit, action: str, question: bytes) -> None:
    """What is no text is no key, half a character and endless numbers are no fault of ours, one wrong item stops all."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key in ("a.txt", "None"):
            store.upload(b"text", key=key)
        answer = visit(store).post(f"/do/{action}", content=question, headers=ASKING)
        assert (400, "the request ") == (answer.status_code, answer.json()["message"][:12])
        assert [("None", None), ("a.txt", None)] == [(info.key, info.cache_control) for info in store.list()]
