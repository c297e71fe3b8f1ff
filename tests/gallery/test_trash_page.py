"""The page of the trash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import Visit

from assetstore import AssetStore, open_store
from assetstore_gallery import Rights, Visitor

ASKING = {"X-Assetstore": "1"}


@pytest.fixture
def store() -> Iterator[AssetStore]:
    """Give a store with a trash in which a key was deleted twice, a long one once, and one more."""
    with open_store({"url": "memory:", "wrappers": ["trash"]}) as store:
        for key, data in (("a.txt", b"one"), ("a.txt", b"second"), ("b <i>.txt", b"b"), ("l" * 1020, b"long")):
            store.upload(data, key)
            store.delete(key)
        yield store


def test_each_deletion_is_on_one_page(store: AssetStore, visit: Visit) -> None:
    """The pages of the trash follow one another, name each deletion once, and show a name as text."""
    client, found = visit(store, page_size=1), []
    asked: dict[str, str] = {}
    while True:
        shown = client.get("/trash.json", params=asked).json()
        found += [(each["key"], each["size"]) for each in shown["deleted"]]
        if shown["next"] is None:
            break
        asked = {"cursor": shown["next"]}
    assert [("a.txt", 3), ("a.txt", 6), ("b <i>.txt", 1), ("l" * 1020, 4)] == found
    page = visit(store).get("/trash").text
    assert ("b &lt;i&gt;.txt" in page, "b <i>.txt" in page) == (True, False)


def test_the_deletion_that_was_chosen_is_restored(store: AssetStore, visit: Visit) -> None:
    """An earlier deletion comes back by its entry; a key that is taken by now is refused, and so is what is not there."""
    client = visit(store)
    first = client.get("/trash.json").json()["deleted"][0]
    asked = {"key": first["key"], "entry": first["entry"]}
    assert 200 == client.post("/do/restore", json=asked, headers=ASKING).status_code
    assert b"one" == store.read("a.txt")
    assert 409 == client.post("/do/restore", json={"key": "a.txt"}, headers=ASKING).status_code
    assert 404 == client.post("/do/restore", json=asked, headers=ASKING).status_code
    assert 404 == client.post("/do/restore", json={"key": "a.txt", "entry": "b <i>.txt"}, headers=ASKING).status_code


def test_emptying_removes_what_was_deleted_before_the_page_was_made(store: AssetStore, visit: Visit) -> None:
    """What somebody deletes meanwhile stays in the trash; what is removed is gone for good."""
    client = visit(store)
    before = client.get("/trash.json").json()["as_of"]
    store.upload(b"late", "late.txt")
    store.delete("late.txt")
    answer = client.post("/do/empty", json={"before": before}, headers=ASKING)
    assert {"removed": 4, "more": False} == answer.json()
    assert ["late.txt"] == [each["key"] for each in client.get("/trash.json").json()["deleted"]]
    for nonsense in ({}, {"before": 1}, {"before": "soon"}, {"before": "2026-11-28T00:00:00"}):
        assert 400 == client.post("/do/empty", json=nonsense, headers=ASKING).status_code


def test_only_who_may_delete_sees_the_trash(store: AssetStore, visit: Visit) -> None:
    """Without the right there is neither link nor page nor change; the trash keeps all it has."""
    client = visit(store, login=lambda request: Visitor(rights=Rights(upload=True, change=True)))
    refused = [client.get("/trash"), client.get("/trash.json")]
    refused += [
        client.post("/do/empty", json={"before": "2100-01-01T00:00:00+00:00"}, headers=ASKING),
        client.post("/do/restore", json={"key": "a.txt"}, headers=ASKING),
    ]
    assert [403] * 4 == [answer.status_code for answer in refused]
    assert "/trash" not in client.get("/browse").text
    assert "/trash" in visit(store).get("/browse").text
    assert 4 == len(visit(store).get("/trash.json").json()["deleted"])


def test_a_store_without_a_trash_has_no_page_of_it(visit: Visit) -> None:
    """The answer says what to add; no page leads there."""
    with open_store("memory:") as store:
        client = visit(store)
        answers = [
            client.get("/trash.json"),
            client.post("/do/empty", json={"before": "2026-11-28T00:00:00Z"}, headers=ASKING),
        ]
        assert [404, 409] == [answer.status_code for answer in answers]
        assert all("wrapper 'trash'" in answer.json()["hint"] for answer in answers)
        assert "/trash" not in client.get("/browse").text
