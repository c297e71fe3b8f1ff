"""A setting that names another store: found in the same file, opened once, never in a circle, with no assets in common."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from assetstore import AssetStore, ConfigError, open_store
from assetstore.plugin import OtherStore, as_other_store
from assetstore.testing import MemoryBackend
from assetstore_wrappers.mirror import Mirror

TABLES = """
[stores.dev]
url      = "file:dev"
wrappers = ["read-through"]
[stores.dev.read-through]
store = "{store}"

[stores.prod]
url = "file:prod"
"""


def written(folder: Path, text: str) -> Path:
    """Write a configuration."""
    path = folder / "assetstore.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("store", ["prod", "file:prod", "./prod", "${OTHER:-prod}"])
def test_another_store_is_named_as_any_store(tmp_path: Path, store: str) -> None:
    """By its name in the same file, a URL or a path, which start at the folder of the file; variables are filled in."""
    config = written(tmp_path, TABLES.format(store=store))
    with open_store("prod", config=config) as prod, open_store("dev", config=config) as dev:
        prod.upload(b"abc", "a")
        assert (b"abc", True) == (dev.read("a"), (tmp_path / "prod" / "a").exists())


def test_a_store_that_is_not_configured_is_a_mistake_of_the_setting(tmp_path: Path) -> None:
    """The error names the setting and what there is, before anything is opened."""
    config = written(tmp_path, TABLES.format(store="pord"))
    with pytest.raises(ConfigError, match=r"read-through.store: .* has no store 'pord' \(did you mean 'prod'\?\)"):
        open_store("dev", config=config)
    config = written(tmp_path, TABLES.format(store="prod").replace('"prod"', "3"))
    with pytest.raises(ConfigError, match="must be the name or URL of a store, got a whole number"):
        open_store("dev", config=config)


@pytest.mark.parametrize(
    ("circle", "shown"),
    [(["a"], "a -> a"), (["a", "b"], "a -> b -> a"), (["a", "b", "c"], "a -> b -> c -> a")],
)
def test_a_circle_is_refused(tmp_path: Path, circle: list[str], shown: str) -> None:
    """Stores that lead back to themselves are a ConfigError that shows the circle, when the first one is opened."""
    tables = [
        f'[stores.{name}]\nurl = "file:{name}"\nwrappers = ["mirror"]\nmirror = {{ store = "{other}" }}\n'
        for name, other in zip(circle, [*circle[1:], circle[0]], strict=True)
    ]
    with pytest.raises(ConfigError, match=f"go round in a circle: {shown}$"):
        open_store("a", config=written(tmp_path, "".join(tables)))


def test_a_circle_that_begins_later_is_refused_too(tmp_path: Path) -> None:
    """A store that only leads to a circle cannot be opened either; two ways to one store are no circle."""
    tables = '[stores.a]\nurl = "file:a"\nwrappers = ["mirror"]\nmirror = { store = "b" }\n'
    tables += '[stores.b]\nurl = "file:b"\nwrappers = ["read-through", "mirror"]\nmirror = { store = "c" }\n'
    tables += 'read-through = { store = "LAST" }\n[stores.c]\nurl = "file:c"\n'
    with pytest.raises(ConfigError, match=r"go round in a circle: a -> b -> b$"):
        open_store("a", config=written(tmp_path, tables.replace("LAST", "b")))
    with open_store("a", config=written(tmp_path, tables.replace("LAST", "c"))) as store:
        store.upload(b"abc", "k")
    assert [b"abc"] * 3 == [(tmp_path / name / "k").read_bytes() for name in "abc"]


COMMON = "'a' and '{}', which a wrapper of it uses, must not have assets in common"


@pytest.mark.parametrize("wrapper", ["mirror", "read-through"])
@pytest.mark.parametrize("other", ["file:a", "file:./a", "./a", "link", "file:a/sub", "file:.", "same"])
def test_a_store_with_assets_of_this_one_is_refused(
    tmp_path: Path, wrapper: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is written, a folder is not put in front of itself, of one in it or of one around it; nothing is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("a")
    other = "file:link" if other == "link" else other
    tables = f'[stores.a]\nurl = "file:a"\nwrappers = ["{wrapper}"]\n[stores.a.{wrapper}]\nstore = "{other}"\n'
    config = written(tmp_path, f'{tables}[stores.same]\nurl = "./a"\n')
    with pytest.raises(ConfigError, match=COMMON.format(other)) as caught:
        open_store("a", config=config)
    assert ("open", "a") == (caught.value.op, caught.value.store)
    assert ["assetstore.toml", "link"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("url", ["s3://bucket?endpoint_url=https://s3.example/", "s3://bucket?endpoint_url=https://S3.example"])
def test_a_bucket_is_not_its_own_mirror(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by service and name, whatever else its URL says; another bucket there is another store."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    url += "&region=eu"
    table = '[stores.a]\nurl = "s3://bucket?endpoint_url=https://s3.example"\nregion = "us"\nwrappers = ["mirror"]\n'
    with pytest.raises(ConfigError, match=COMMON.format("s3://bucket")):
        open_store("a", config=written(tmp_path, f'{table}mirror = {{ store = "{url}" }}\n'))
    url = url.replace("bucket", "backup")
    with open_store("a", config=written(tmp_path, f'{table}mirror = {{ store = "{url}" }}\n')) as store:
        assert "a" == store.name


def test_a_store_behind_the_other_one_is_refused_too(tmp_path: Path) -> None:
    """A mirror whose own mirror is a folder of this store would write there what it was not given."""
    tables = '[stores.a]\nurl = "file:a"\nwrappers = ["mirror"]\nmirror = { store = "b" }\n'
    tables += '[stores.b]\nurl = "file:b"\nwrappers = ["mirror"]\nmirror = { store = "file:a/sub" }\n'
    config = written(tmp_path, tables)
    with pytest.raises(ConfigError, match=COMMON.format("file:a/sub")):
        open_store("a", config=config)
    with open_store("b", config=config) as store:
        assert "b" == store.name


def test_a_live_store_with_assets_of_this_one_is_refused() -> None:
    """One backend in two stores is one place, a part of it too."""
    backend = MemoryBackend()
    whole = AssetStore(backend, name="whole")
    for other in (whole, whole.scoped("part/")):
        with pytest.raises(ConfigError, match="must not have assets in common"):
            AssetStore(backend, wrappers=[lambda inner, other=other: Mirror(inner, store=other)])
    assert not whole.exists("a")


def test_it_is_opened_when_it_is_used(tmp_path: Path) -> None:
    """What needs no other store works where that cannot be opened; what needs it says why it cannot."""
    text = TABLES.format(store="prod").replace("file:prod", "s3://bucket?endpoint_url=${NO_SUCH_VARIABLE}")
    with open_store("dev", config=written(tmp_path, text)) as store:
        store.upload(b"abc", "a")
        assert b"abc" == store.read("a")
        with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE"):
            store.read("b")


def test_it_is_opened_once_and_closed_with_the_plugin() -> None:
    """An open store that a program passes stays its own."""
    opened: list[AssetStore] = []

    def make() -> AssetStore:
        opened.append(AssetStore(MemoryBackend()))
        return opened[-1]

    other = OtherStore("other", make)
    assert [] == opened
    assert other.get() is other.get() is opened[0]
    other.close()
    with pytest.raises(Exception, match="the store is closed"):
        opened[0].exists("a")
    mine = AssetStore(MemoryBackend())
    passed = as_other_store(mine)
    assert (mine, passed) == (passed.get(), as_other_store(passed))
    passed.close()
    assert not mine.exists("a")
    assert "<OtherStore other>" == repr(other)


def test_a_store_with_another_behind_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """It is pickled by its configuration, and so the other process opens both."""
    config = written(tmp_path, TABLES.format(store="prod"))
    with open_store("prod", config=config) as prod, open_store("dev", config=config) as dev:
        prod.upload(b"abc", "a")
        (tmp_path / "pickled").write_bytes(pickle.dumps(dev))
    program = "import pickle; print(pickle.load(open('pickled', 'rb')).read('a'))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert ("b'abc'\n", "") == (done.stdout, done.stderr)
