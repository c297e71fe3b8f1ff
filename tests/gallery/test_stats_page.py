"""The page that tells how much a store holds and what it was used for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from asking import Visit
from hypothesis import given
from hypothesis import strategies as st

from assetstore import AssetStore, UnavailableError, open_store
from assetstore.plugin import count_request, default_plugins, hookimpl
from assetstore.testing import FaultyBackend, MemoryBackend, Raise

SIZES = st.dictionaries(st.from_regex(r"([ab]/)?[a-c]\.(png|mp3|glb|xyz)", fullmatch=True), st.integers(0, 9), max_size=20)


def counted(store: AssetStore, **options: Any) -> dict[str, Any]:
    """Return what a count finds."""
    from assetstore_gallery.stats import Count

    count = Count(**options)
    count.run(store)
    return count.facts()


@given(SIZES)
def test_each_table_sums_up_to_what_the_store_holds(sizes: dict[str, int]) -> None:
    """By kind, folder and month every asset is counted once, with its bytes."""
    with open_store("memory:") as store:
        for key, size in sizes.items():
            store.upload(b"x" * size, key=key)
        facts = counted(store)
        assert (len(sizes), sum(sizes.values()), True) == (facts["count"], facts["bytes"], facts["whole"])
        for table in ("kinds", "folders", "months"):
            lines = facts[table]
            assert len(sizes) == sum(line["count"] for line in lines)
            assert sum(sizes.values()) == sum(line["bytes"] for line in lines)
        in_a = [size for key, size in sizes.items() if key.startswith("a/")]
        found = [(line["count"], line["bytes"]) for line in facts["folders"] if line["name"] == "a/"]
        assert ([(len(in_a), sum(in_a))] if in_a else []) == found


@pytest.mark.parametrize(("most", "is_whole"), [(2, False), (3, True), (4, True)])
def test_a_count_ends_at_its_limit_and_says_so(most: int, is_whole: bool) -> None:
    """No more assets are counted than the limit; ``whole`` is true where there are no others."""
    with open_store("memory:") as store:
        for key in ("a", "b", "c"):
            store.upload(b"x", key=key)
        facts = counted(store, most=most)
    assert (min(3, most), is_whole) == (facts["count"], facts["whole"])


def test_many_folders_are_summed_up_behind_the_largest() -> None:
    """A table has a bounded number of lines; the last one has no name and what the others left."""
    from assetstore_gallery.stats import SHOWN

    with open_store("memory:") as store:
        for number in range(SHOWN + 3):
            store.upload(b"x" * (number + 1), key=f"{number:03}/a")
        lines = counted(store)["folders"]
    assert (SHOWN + 1, f"{SHOWN + 2:03}/") == (len(lines), lines[0]["name"])
    assert {"name": None, "count": 3, "bytes": 1 + 2 + 3} == lines[-1]


def test_the_page_and_its_twin_tell_the_same(visit: Visit) -> None:
    """A small store is counted at the first look; a foreign name is escaped and leads to its folder."""
    with open_store("memory:") as store:
        store.upload(b"12345", key="<b>/a.png")
        client = visit(store)
        facts, page = client.get("/stats.json").json(), client.get("/stats").text
    assert (1, 5, [{"name": "images", "count": 1, "bytes": 5}]) == (facts["count"], facts["bytes"], facts["kinds"])
    assert '<a href="/browse?prefix=%3Cb%3E/"><bdi>&lt;b&gt;/</bdi></a>' in page
    assert "<b>" not in page
    assert '<rect width="100.00"' in page


def test_use_is_told_where_the_store_counts_it(visit: Visit, tmp_path: Path) -> None:
    """Operations that were counted stand in a table; a store without prices and requests has no cost."""
    with open_store({"url": f"file:{tmp_path}"}) as store:
        store.upload(b"12345", key="a.png")
        use = visit(store).get("/stats.json").json()["use"]
    uploads = next(line for line in use["operations"] if line["name"] == "uploads")
    assert (1, 5, 0) == (uploads["count"], uploads["bytes"], uploads["errors"])
    assert ({}, 0) == (use["total"]["requests"], use["total"]["cost"])


class Charging(MemoryBackend):
    """Sends a request of class A for each upload, as a bucket does."""

    prices: ClassVar = {"A": 4.5, "B": 0.36}

    @hookimpl
    def assetstore_upload(self, key: str, source: Any, options: Any) -> Any:
        """Count it."""
        count_request("A")
        return super().assetstore_upload(key, source, options)


def test_the_cost_stands_beside_the_requests_of_each_class(visit: Visit) -> None:
    """What ``stats --cost`` tells of a store with prices, the page tells too."""
    with AssetStore(Charging(), plugins=[default_plugins()["stats"]]) as store:
        store.upload(b"x", key="a")
        client = visit(store)
        use, page = client.get("/stats.json").json()["use"], client.get("/stats").text
    assert ({"A": 1}, 0.0000045) == (use["total"]["requests"], use["total"]["cost"])
    assert "Class A" in page
    assert "<td>0.000005" in page


def test_a_count_that_failed_says_why(visit: Visit) -> None:
    """A store that cannot be listed has a page all the same, with the reason in it."""
    down = Raise(op="list", error=UnavailableError("the store is down for now"))
    with AssetStore(FaultyBackend(MemoryBackend(), down)) as store:
        client = visit(store)
        page, facts = client.get("/stats"), client.get("/stats.json").json()
    assert (200, 0, False) == (page.status_code, facts["count"], facts["whole"])
    assert "the store is down for now" == facts["problem"]
    assert "the store is down for now" in page.text
