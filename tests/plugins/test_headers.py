"""Headers by the keys of uploads: the wrapper ``headers``, as a configuration names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from assetstore import ConfigError, open_store
from assetstore.testing import MemoryBackend
from assetstore.testing.contract import BackendContract
from assetstore_headers import DefaultHeaders

LONG = "public, max-age=31536000, immutable"
RULES = {"no-store/": "no-store", "*.{webp,png}": LONG, "docs/*.html": "no-cache", "*": "max-age=60"}


class TestContract(BackendContract):
    """Everything that a memory guarantees holds through the wrapper."""

    shared: ClassVar[bool] = True
    wrappers = (DefaultHeaders,)

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        """Return a new, empty memory."""
        return MemoryBackend()


def settings(rules: object) -> dict[str, Any]:
    """Return a store's table."""
    return {"url": "memory:", "wrappers": ["headers"], "headers": {"cache_control": rules}}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.webp", LONG),
        ("deep/er/a.png", LONG),
        ("no-store/a.webp", "no-store"),
        ("docs/a.html", "no-cache"),
        ("docs/deep/a.html", "max-age=60"),
        ("a.txt", "max-age=60"),
    ],
)
def test_the_first_glob_that_matches_decides(key: str, expected: str) -> None:
    """Uploads and writers get the header of their key, and nothing else changes."""
    with open_store(settings(RULES)) as store:
        info = store.upload(b"x", key)
        assert (expected, expected) == (info.cache_control, store.stat(key).cache_control)
        with store.writer(f"other/{key}", metadata={"by": "gm"}) as writer:
            writer.write(b"x")
        assert {"by": "gm"} == store.stat(f"other/{key}").metadata
    with open_store(settings({"*.webp": LONG})) as store:
        assert (LONG if key.endswith(".webp") else None) == store.upload(b"x", key).cache_control


def test_what_is_given_stays() -> None:
    """A header of the upload wins over the configuration's, also an empty one, which sets none."""
    with open_store(settings(RULES)) as store:
        assert "no-store" == store.upload(b"x", "a.webp", cache_control="no-store").cache_control
        assert not store.upload(b"x", "b.webp", cache_control="").cache_control
        store.copy("b.webp", "c.webp")
        assert not store.stat("c.webp").cache_control


@pytest.mark.parametrize("url", ["memory:", "file:assets"])
def test_many_uploads_at_once_get_their_headers(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many gets the header of its key, whether or not the backend writes them together."""
    monkeypatch.chdir(tmp_path)
    keys = {"a.webp": LONG, "no-store/a.webp": "no-store", "a.txt": "max-age=60", "own.txt": "private"}
    items = [(b"x", key, {"cache_control": "private"} if key == "own.txt" else {}) for key in keys]
    with open_store({**settings(RULES), "url": url}) as store:
        assert keys == {result.key: result.result().cache_control for result in store.upload_many(items)}
        assert keys == {result.key: result.result().cache_control for result in store.stat_many(keys)}


def test_the_wrapper_takes_nothing_away(tmp_path: Path) -> None:
    """A folder behind it signs, copies and begins direct uploads as before."""
    url = f"file:{tmp_path}/assets"
    with open_store(url) as plain, open_store({**settings(RULES), "url": url}) as store:
        operations = (
            *("presign", "copy", "download", "begin_parts", "list_parts", "end_parts", "application", "check", "collect"),
        )
        assert [plain.can(name) for name in operations] == [store.can(name) for name in operations]
        assert store.begin_upload(filename="b.webp", size=1).request is not None


def test_every_mistake_in_the_table_is_named() -> None:
    """Globs and values that cannot be are refused when the store is opened, all at once."""
    with pytest.raises(ConfigError) as error:
        open_store(settings({"[z-a]": "no-store", "*.png": "no\nstore", "*.gif": 3}))
    assert [
        "the mapping: headers.cache_control.'[z-a]': the glob '[z-a]' is not valid: bad character range z-a",
        "the mapping: headers.cache_control.'*.png': cache_control must not contain control characters",
        "the mapping: headers.cache_control.'*.gif': cache_control must be a str, got int",
    ] == [problem.partition(";")[0] for problem in error.value.problems]
    with pytest.raises(ConfigError, match=r"headers\.cache_control: must be a table, got a text"):
        open_store(settings(LONG))
