"""Uploads by the gallery: by signed requests, or through it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import ASKING, Visit, do

from assetstore import UploadPolicy, open_store
from serving import serving


def test_a_file_goes_through_the_gallery_where_the_store_cannot_sign(visit: Visit) -> None:
    """A store without signed requests gets the bytes from the gallery; nothing is overwritten unasked."""
    with open_store("memory:") as store:
        client = visit(store)
        begun = do(client, "upload/begin", key="maps/keep.txt", size=3).json()
        assert {"key": "maps/keep.txt"} == begun
        put = {"url": "/do/upload/body", "content": b"one", "headers": ASKING}
        assert 201 == client.put(**put, params={"key": "maps/keep.txt"}).status_code
        assert b"one" == store.read("maps/keep.txt")
        again = client.put(**put | {"content": b"two"}, params={"key": "maps/keep.txt"})
        assert (409, "AlreadyExists") == (again.status_code, again.json()["error"])
        assert "maps/keep (2).txt" == do(client, "upload/begin", key="maps/keep.txt", size=3, clash="keep").json()["key"]
        stale = {"key": "maps/keep.txt", "clash": "replace", "etag": "other"}
        assert 409 == client.put(**put | {"content": b"two"}, params=stale).status_code
        assert (
            201
            == client.put(**put | {"content": b"two"}, params=stale | {"etag": store.stat("maps/keep.txt").etag}).status_code
        )
        assert b"two" == store.read("maps/keep.txt")


@pytest.mark.parametrize("size", [5, 17 << 20])
def test_a_file_goes_straight_to_a_store_that_signs(visit: Visit, tmp_path: Path, size: int) -> None:
    """A signed upload, whole or in parts, becomes an asset when it is finished; the parts that are there are told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serve_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            open_store({"url": f"file:{tmp_path}", "serve_url": serve_url}) as store,
            serving(store.application("asgi"), listener),
        ):
            client, data = visit(store), bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            begun = do(client, "upload/begin", key="sounds/rain.bin", size=size).json()
            if begun["request"]:
                assert 200 == sent(begun["request"], data)
            else:
                part = begun["part_size"]
                numbers = list(range(1, begun["part_count"] + 1))
                requests = do(client, "upload/parts", token=begun["token"], numbers=numbers).json()["requests"]
                for number in numbers:
                    assert 200 == sent(requests[str(number)], data[(number - 1) * part : number * part])
                assert numbers == do(client, "upload/parts", token=begun["token"]).json()["parts"]
            assert "sounds/rain.bin" == do(client, "upload/finish", token=begun["token"]).json()["key"]
            assert data == store.read("sounds/rain.bin")


def test_replacing_by_a_signed_upload_is_bound_to_the_version_seen(visit: Visit, tmp_path: Path) -> None:
    """A replacement takes the key only while the asset has the ETag that the visitor saw, and leaves nothing else behind."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serve_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            open_store({"url": f"file:{tmp_path}", "serve_url": serve_url}) as store,
            serving(store.application("asgi"), listener),
        ):
            client = visit(store)
            etag = store.upload(b"old", key="note.txt").etag
            assert 409 == do(client, "upload/begin", key="note.txt", size=3).status_code
            for seen, status, stored in (("other", 409, b"old"), (etag, 200, b"new")):
                begun = do(client, "upload/begin", key="note.txt", size=3, clash="replace").json()
                assert 200 == sent(begun["request"], b"new")
                answer = do(client, "upload/replace", token=begun["token"], key="note.txt", etag=seen)
                assert (status, stored) == (answer.status_code, store.read("note.txt"))
            assert ["note.txt"] == [info.key for info in store.list()]
            begun = do(client, "upload/begin", key="note.txt", size=3, clash="replace").json()
            assert 200 == sent(begun["request"], b"new")
            store.delete("note.txt")
            answer = do(client, "upload/replace", token=begun["token"], key="note.txt", etag=etag)
            assert (409, []) == (answer.status_code, list(store.list()))


def sent(request: dict[str, Any], data: bytes) -> int:
    """Send a signed request and return the status."""
    answer = httpx.request(request["method"], request["url"], headers=request["headers"], content=data, timeout=600)
    return answer.status_code


@pytest.mark.parametrize("way", ["begin", "body"])
def test_a_policy_refuses_with_its_reason(visit: Visit, way: str) -> None:
    """A file that is too large or of another type is refused before it is sent, and the answer says why."""
    with open_store("memory:") as store:
        client = visit(store, uploads=UploadPolicy(types=("image/*",), max_size=4))
        for key, size, reason in (("a.png", 5, "at most 4 bytes"), ("a.txt", 3, "text/plain is not allowed")):
            if way == "begin":
                answer = do(client, "upload/begin", key=key, size=size)
            else:
                answer = client.put("/do/upload/body", params={"key": key}, content=b"x" * size, headers=ASKING)
            assert answer.status_code in (413, 422)
            assert reason in answer.json()["message"]
        endless = client.put("/do/upload/body", params={"key": "a.png"}, content=iter([b"123", b"456"]), headers=ASKING)
        assert 422 == endless.status_code
        page = client.put("/do/upload/body", params={"key": "a.png"}, content=b"<a>", headers=ASKING)
        assert (422, "Refused") == (page.status_code, page.json()["error"])
        assert [] == list(store.list())


def test_an_upload_needs_the_right_and_the_gallerys_own_header(visit: Visit) -> None:
    """A visitor without the right, and a request that a page of another site could send, store nothing."""
    with open_store("memory:") as store:
        for client, headers in ((visit(store, read_only=True), ASKING), (visit(store), {})):
            put = client.put("/do/upload/body", params={"key": "a.txt"}, content=b"x", headers=headers)
            posted = [
                client.post(f"/do/upload/{action}", json={"key": "a", "size": 1, "token": "t"}, headers=headers)
                for action in ("begin", "parts", "finish", "replace", "cancel")
            ]
            assert {403} == {answer.status_code for answer in [put, *posted]}
        assert [] == list(store.list())
