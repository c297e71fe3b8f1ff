"""Stores in other processes: a pickle holds how the store was opened, and no secret."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from assetstore import AssetStore, AssetStoreError, ConfigError, open_store
from assetstore.config import StoreConfig, build_store
from assetstore.testing import MemoryBackend
from assetstore_local import LocalBackend

METHODS = multiprocessing.get_all_start_methods()
SECRET = "5ecret" * 8
BUCKET = f"""
[stores.prod]
url        = "r2://{"a" * 32}/bucket"
access_key = "id"
secret_key = "%s"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory with the configuration of a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assetstore.toml").write_text('default = "dev"\n[stores.dev]\nurl = "file:${FOLDER:-assets}"\n')
    return tmp_path


def sent(store: AssetStore) -> AssetStore:
    """Return a store as another process gets it."""
    arrived = pickle.loads(pickle.dumps(store))
    assert isinstance(arrived, AssetStore)
    return arrived


def work(store: AssetStore, key: str) -> str:
    """Read one asset of a store and write another, in another process."""
    store.upload(store.read("a") + b" and child", key)
    return str(store)


def run(method: str, store: AssetStore, key: str) -> str:
    """Call ``work`` in a new process."""
    return str(in_child(method, work, store, key))


def in_child(method: str, function: Callable[[AssetStore, str], object], store: AssetStore, key: str) -> object:
    """Return what a function returns in a new process."""
    with warnings.catch_warnings():
        # Python warns of threads at a fork, which other tests may have left.
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            return pool.submit(function, store, key).result(timeout=600)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["dev", "file:assets", None])
def test_a_store_opened_by_name_or_url_goes_to_another_process(folder: Path, method: str, name: str | None) -> None:
    """What the child reads and writes is in the same place, however the child is started."""
    with open_store(name) as store:
        store.upload(b"parent", "a")
        assert str(store) == run(method, store, "b")
        assert b"parent and child" == store.read("b")


def test_a_part_of_a_store_goes_with_its_prefix(folder: Path) -> None:
    """A scoped store arrives as narrow as it was."""
    store = open_store("dev")
    store.upload(b"1", "t/a")
    arrived = sent(store.scoped("t/"))
    assert (b"1", ["a"]) == (arrived.read("a"), [item.key for item in arrived.list()])


def test_relative_paths_start_in_the_folder_of_the_sender(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another working directory or home of the receiver changes nothing, nor does another name in its environment."""
    monkeypatch.setenv("HOME", str(folder / "home"))
    stores = [open_store(name) for name in ("file:assets", "./assets", "~/assets", "dev")]
    for number, store in enumerate(stores):
        store.upload(str(number).encode(), str(number))
    (folder / "other").mkdir()
    (folder / "other.toml").write_text('[stores.dev]\nurl = "file:other"\n')
    pickles = [pickle.dumps(store) for store in stores]
    monkeypatch.chdir(folder / "other")
    monkeypatch.setenv("HOME", str(folder / "other"))
    monkeypatch.setenv("ASSETSTORE_CONFIG", str(folder / "other.toml"))
    monkeypatch.setenv("ASSETSTORE_STORE", "memory:")
    arrived = [pickle.loads(data) for data in pickles]
    assert [b"0", b"1", b"2", b"3"] == [store.read(str(number)) for number, store in enumerate(arrived)]
    assert [str(store) for store in stores[:2]] == [str(store) for store in arrived[:2]]


def test_the_variables_stand_for_what_they_are_in_the_other_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe holds the name of a variable; each process fills it in from its own environment."""
    data = pickle.dumps(open_store("file:${FOLDER:-assets}"))
    monkeypatch.setenv("FOLDER", "others")
    pickle.loads(data).upload(b"1", "a")
    assert b"1" == (folder / "others" / "a").read_bytes()


@pytest.mark.parametrize("written", [SECRET, "${PROD_SECRET}"])
def test_no_secret_is_in_a_pickle(folder: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    """Not one from the environment, nor one that stands in the file itself, which the other process reads."""
    monkeypatch.setenv("PROD_SECRET", SECRET)
    (folder / "assetstore.toml").write_text(BUCKET % written)
    (folder / "assetstore.toml").chmod(0o600)
    data = pickle.dumps(open_store("prod"))
    assert SECRET.encode() not in data
    assert "X-Amz-Signature" in pickle.loads(data).presign("a").url


@pytest.mark.parametrize(
    "make",
    [
        lambda: open_store({"url": "file:assets"}),
        lambda: open_store({"url": f"r2://{'a' * 32}/bucket", "access_key": "id", "secret_key": SECRET}),
        lambda: AssetStore(LocalBackend(root=Path("assets"))).scoped("a/"),
    ],
    ids=["mapping", "secret", "objects"],
)
def test_a_store_of_a_mapping_or_of_objects_says_how_to_open_it_instead(folder: Path, make: object) -> None:
    """It may hold secrets that no mark tells, so it is refused where it is sent, with what to do."""
    assert callable(make)
    with pytest.raises(TypeError, match=r"cannot be pickled, .*as \$\{VARIABLE\}, and open it by its name$") as error:
        pickle.dumps(make())
    assert SECRET not in str(error.value)


def test_a_store_whose_assets_are_gone_with_the_process_is_refused(folder: Path) -> None:
    """Another process would open an empty one."""
    with pytest.raises(TypeError, match=r"^the store 'memory:' cannot be pickled, .*open one whose assets other processes"):
        pickle.dumps(open_store("memory:"))
    assert not MemoryBackend.lasting


def test_a_missing_variable_is_a_config_error_of_the_first_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task gets the error, with the variable's name; a pool of processes would not survive one while it unpickles."""
    monkeypatch.setenv("PROD_SECRET", SECRET)
    (folder / "assetstore.toml").write_text(BUCKET % "${PROD_SECRET}")
    store = open_store("prod")
    monkeypatch.delenv("PROD_SECRET")
    with pytest.raises(ConfigError) as caught:
        run("spawn", store, "b")
    assert ("open", "prod") == (caught.value.op, caught.value.store)
    assert "secret_key: the environment variable PROD_SECRET is not set or is empty" in caught.value.problems[0]
    assert "came pickled" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[stores.test]\nurl = "file:x"\n', "has no store 'dev'; it has: test"),
        ('[stores.dev]\nurl = "fil:x"\n', "fil"),
        ("[stores", "cannot read"),
        (None, "cannot read"),
    ],
    ids=["renamed", "wrong", "broken", "gone"],
)
def test_a_configuration_that_changed_meanwhile_is_a_config_error(folder: Path, text: str | None, problem: str) -> None:
    """The other process reads the file as it is then, and says what is wrong with it; mended, the store works."""
    file = folder / "assetstore.toml"
    before = file.read_text()
    arrived = sent(open_store("dev"))
    file.unlink() if text is None else file.write_text(text)
    for _ in range(2):
        with pytest.raises(ConfigError, match=problem):
            arrived.exists("a")
    assert "<AssetStore dev (" in repr(arrived)
    file.write_text(before)
    assert not arrived.exists("a")


def test_a_default_that_looks_like_a_url_is_sent_as_a_name(folder: Path) -> None:
    """It is a name in the file, whatever a URL of that text would open."""
    (folder / "assetstore.toml").write_text('default = "file:x"\n[stores."file:x"]\nurl = "file:assets"\n')
    sent(open_store()).upload(b"1", "a")
    assert b"1" == (folder / "assets" / "a").read_bytes()


def test_stores_of_one_recipe_share_their_connections(folder: Path) -> None:
    """A worker that unpickles a store for each task opens it once; each is closed by itself."""
    store = open_store("dev")
    first, second, part = sent(store), sent(store), sent(store.scoped("t/"))
    first.upload(b"1", "t/a")
    assert 1 == second.stats()["uploads"]["count"]
    first.close()
    with pytest.raises(AssetStoreError, match="the store is closed"):
        first.read("t/a")
    assert (b"1", b"1", b"1") == (second.read("t/a"), part.read("a"), store.read("t/a"))
    assert 0 == store.stats()["uploads"]["count"]


def test_a_store_is_sent_on_without_being_opened(folder: Path) -> None:
    """A scheduler that passes a task on needs neither the file nor the variables."""
    data = pickle.dumps(open_store("dev"))
    (folder / "assetstore.toml").unlink()
    assert data == pickle.dumps(pickle.loads(data))


def test_threads_that_use_it_first_at_once_share_one_opening(folder: Path) -> None:
    """The first use opens the store, whichever thread makes it; closed by one it is closed for all."""
    store = open_store("dev")
    store.upload(b"1", "a")
    arrived, start = sent(store), threading.Barrier(8)

    def use(_: int) -> bytes:
        start.wait()
        return arrived.read("a")

    with ThreadPoolExecutor(8) as pool:
        assert [b"1"] * 8 == list(pool.map(use, range(8)))
    arrived.close()
    with pytest.raises(AssetStoreError, match="the store is closed"):
        arrived.exists("a")


def test_stores_that_arrive_at_once_share_one_opening(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of a worker that each get a store of one recipe, and use it first at once, open it once."""
    store = open_store("dev")
    store.upload(b"1", "a")
    arrived, start = [sent(store) for _ in range(4)], threading.Barrier(4)
    opened: list[AssetStore] = []

    def slowly(config: StoreConfig) -> AssetStore:
        # If all came here, none would wait in vain.
        with contextlib.suppress(threading.BrokenBarrierError):
            start.wait(0.2)
        opened.append(build_store(config))
        return opened[-1]

    monkeypatch.setattr("assetstore.config.build_store", slowly)
    with ThreadPoolExecutor(4) as pool:
        assert [b"1"] * 4 == list(pool.map(lambda each: each.read("a"), arrived))
    assert 1 == len(opened)
    assert 4 == arrived[0].stats()["reads"]["count"]


def test_a_store_that_arrived_has_what_one_that_was_opened_has(folder: Path) -> None:
    """Nothing that ``open_store`` fills in is missing in another process, such as the prices of its requests."""
    store = open_store("dev")
    arrived = sent(store)
    assert store.prices == arrived.prices
    assert vars(store).keys() == vars(arrived).keys()


def test_to_close_a_store_that_was_never_used_does_not_open_it(folder: Path) -> None:
    """A task that did not need its store ends without the file or the variables, and the store is closed as any other."""
    store = sent(open_store("dev"))
    (folder / "assetstore.toml").unlink()
    store.close()
    with pytest.raises(AssetStoreError, match="the store is closed"):
        store.exists("a")


def test_a_name_that_a_store_lacks_is_an_attribute_error(folder: Path) -> None:
    """A store that came pickled answers for its own attributes alone."""
    for store in (open_store("dev"), sent(open_store("dev"))):
        with pytest.raises(AttributeError, match="'AssetStore' object has no attribute 'uplod'"):
            _ = store.uplod  # type: ignore[attr-defined]  # what is tested
        assert not hasattr(store, "__fspath__")


def test_a_forked_child_shares_what_arrived_before(folder: Path) -> None:
    """A store that was unpickled and used before a fork works on both sides."""
    if "fork" not in METHODS:
        pytest.skip("this system has no fork")
    arrived = sent(open_store("dev"))
    arrived.upload(b"parent", "a")
    run("fork", arrived, "b")
    assert b"parent and child" == arrived.read("b")


def count(store: AssetStore, key: str) -> None:
    """Write an asset and its statistics."""
    store.upload(b"1", key)
    store.stats()


@pytest.mark.parametrize("method", METHODS)
def test_the_statistics_of_workers_are_in_the_file_that_all_share(folder: Path, method: str) -> None:
    """``stats()`` writes what the process counted, also in a child that ends without the interpreter's own end."""
    (folder / "assetstore.toml").write_text('[stores.dev]\nurl = "file:assets"\nstats = { path = "stats.sqlite" }\n')
    with open_store("dev") as store:
        in_child(method, count, store, "a")
        assert 1 == store.stats()["uploads"]["count"]
