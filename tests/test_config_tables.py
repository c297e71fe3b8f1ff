"""A store's table: each value reaches the plugin that it is meant for, and each mistake is told with its place."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assetstore import AlreadyExistsError, AssetStore, ConfigError, config, open_store
from assetstore.config import StoreConfig, build_store, configured_plugins, default_plugins, find_config, find_store
from assetstore.settings import build
from assetstore.testing import MemoryBackend
from assetstore_naming import Naming
from assetstore_stats import Stats

NONE = {"naming": False, "stats": False}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(table: object = None, **arguments: Any) -> ConfigError:
    """Return the error of opening a store."""
    with pytest.raises(ConfigError) as caught:
        open_store(table, **arguments)  # type: ignore[arg-type]  # wrong on purpose
    return caught.value


def test_a_wrapper_gets_its_table_and_the_store_below(folder: Path) -> None:
    """The settings lie in a table of the wrapper's name; what passes through is stored by the backend."""
    table = {"backend": "memory", "wrappers": ["headers"], "headers": {"cache_control": {"*.webp": "max-age=60"}}, **NONE}
    with open_store(table) as store:
        store.upload(b"a", "a.webp")
        store.upload(b"b", "b.txt")
        assert ["max-age=60", None] == [store.stat(key).cache_control for key in ("a.webp", "b.txt")]
        assert "memory" == store.name


def test_wrappers_stand_in_the_order_in_which_they_are_written(folder: Path) -> None:
    """The first is the outermost, and each is made once for the store below it."""
    with open_store({"backend": "memory", "wrappers": ["headers", "headers"], **NONE}) as store:
        store.upload(b"a", "a.webp")
        assert b"a" == store.read("a.webp")


def test_what_a_wrapper_refuses_is_named_by_its_table(folder: Path) -> None:
    """The problem has the place, the wrapper and the setting; unknown settings are found before anything is made."""
    table = {"backend": "memory", "wrappers": ["headers"], "headers": {"cache_control": {"*.webp": "a\nb"}}}
    refused = refusal(table)
    (problem,) = refused.problems
    assert problem.startswith("the mapping: headers.cache_control.'*.webp': ")
    assert ("memory", "open") == (refused.store, refused.op)
    table["headers"] = {"cash_control": {}}
    assert ("the mapping: headers.cash_control: unknown (did you mean 'cache_control'?)",) == refusal(table).problems


def test_a_plugin_of_a_list_gets_its_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the plugin come from the table of its name, and mistakes are told with it."""
    table = {"backend": "memory", "plugins": ["assetstore_stats"], "assetstore_stats": {"path": "here.sqlite"}, **NONE}
    monkeypatch.setattr(config, "load_factory", lambda name, group: Stats if name == "assetstore_stats" else MemoryBackend)
    with open_store(table) as store:
        store.upload(b"a", "a")
        assert 1 == store.stats()["uploads"]["count"]
    assert (folder / "here.sqlite").exists()
    table["assetstore_stats"] = {"pat": "x"}
    assert ("the mapping: assetstore_stats.pat: unknown (did you mean 'path'?)",) == refusal(table).problems


def test_a_slot_may_name_its_plugin(folder: Path) -> None:
    """By a text, with settings in a table of that name, or by ``plugin`` in the slot's own table."""
    for naming in ({"naming": "naming"}, {"naming": {"plugin": "naming", "scheme": "content-hash"}}):
        with open_store({"backend": "memory", **naming}) as store:
            assert store.upload(b"a", filename="a.png").key.endswith(".png")
    text = {"backend": "memory", "naming": "stats", "stats": {"path": 7}}
    assert ["the mapping: stats.path: must be a path, got a whole number"] == sorted(set(refusal(text).problems))


def test_the_default_plugins_are_naming_and_statistics() -> None:
    """Each is a new object in its slot."""
    made = default_plugins()
    assert {"naming": Naming, "stats": Stats} == {slot: type(plugin) for slot, plugin in made.items()}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"backend": "memory", "wrappers": ["headers"], "headers": 7}, "headers: must be a table of the plugin's settings"),
        ({"backend": "memory", "plugins": [1]}, "plugins: must be a list of plugin names"),
        ({"backend": "memory", "naming": 7}, "naming: must be false, a plugin name or a table"),
        ({"backend": "memory", "wraper": []}, "wraper: unknown (did you mean 'wrappers'?)"),
        ({"backend": "memory", "plugin": []}, "plugin: unknown (did you mean 'plugins'?)"),
        ({"backend": "memory", "backed": 1}, "backed: unknown (did you mean 'backend'?)"),
        ({"backend": "memory", "namin": 1}, "namin: unknown (did you mean 'naming'?)"),
        ({"url": "memory:", "ulr": 1}, "ulr: unknown (did you mean 'url'?)"),
        ({"url": "memory:x"}, "url: must be 'memory:' and nothing more"),
        ({"url": "file:a", "create": "${CREATE:-perhaps}"}, "create: must be true or false"),
        ({"url": "file:a?durable="}, "durable: must be true or false"),
        ({"url": "${NO_SUCH}"}, "url: the environment variable NO_SUCH is not set or is empty"),
        ({"url": "file:a", "x": {"y": ["${NO_SUCH}"]}}, "x.y: the environment variable NO_SUCH is not set or is empty"),
        ({"url": "file://host/a"}, "url: the URL must not name a machine, got 'host'"),
    ],
)
def test_a_mistake_is_told_with_its_key(folder: Path, table: dict[str, object], expected: str) -> None:
    """Before the key stands where the table is from."""
    assert any(problem.startswith(f"the mapping: {expected}") for problem in refusal(table).problems)


def test_one_mistake_is_the_message_and_several_are_counted(folder: Path) -> None:
    """A single mistake stands alone; several follow their number, a line each, and none is told twice."""
    one = refusal({"backend": "memory", "x": 1, **NONE})
    assert ("the mapping: x: unknown", ("the mapping: x: unknown",)) == (one.message, one.problems)
    two = refusal({"url": "${A}", "x": "${A}${A}"})
    lines = [f"the mapping: {key}: the environment variable A is not set or is empty" for key in "x"]
    assert lines[0] in two.problems
    assert len(two.problems) == len(set(two.problems))
    assert "\n  ".join([f"{len(two.problems)} mistakes:", *two.problems]) == two.message


def test_a_secret_in_a_url_is_masked_wherever_the_url_is_named(folder: Path) -> None:
    """The user before a host becomes stars, and the query is left out."""
    found = find_store("s3://key:geheim@bucket?x=1")
    assert ("s3://***@bucket", "the URL 's3://***@bucket'") == (found.name, found.origin)
    where = "the URL 's3://***@bucket': url: "
    expected = f"{where}must not hold a secret; put it into the table or the environment"
    assert expected in refusal("s3://key:geheim@bucket").problems


def test_where_a_table_is_from_is_told(folder: Path) -> None:
    """A mapping is named by its backend; a table by its file; both know where relative paths begin."""
    path = folder / "assetstore.toml"
    path.write_text('[stores.dev]\nurl = "memory:"\n')
    assert ("dev", folder, f"{path} [stores.dev]") == _place(find_store("dev"))
    assert ("memory", folder, "the mapping") == _place(find_store({"backend": "memory"}))
    assert ("store", folder, "the mapping") == _place(find_store({"url": "memory:"}))


def _place(found: StoreConfig) -> tuple[str, Path, str]:
    return found.name, found.folder, found.origin


def test_a_config_file_can_be_named(folder: Path) -> None:
    """Opening takes the named file, whose paths start beside it."""
    (folder / "deep").mkdir()
    named = folder / "deep" / "other.toml"
    named.write_text('default = "x"\n[stores.x]\nurl = "file:assets"\n', encoding="utf-8")
    with open_store(config=named) as store:
        store.upload(b"a", "a")
        assert "x" == store.name
    assert (folder / "deep" / "assets" / "a").exists()


def test_a_named_pyproject_without_the_table_has_no_stores(folder: Path) -> None:
    """It applies, and is empty."""
    path = folder / "pyproject.toml"
    path.write_text("[project]\n")
    found = find_config(path)
    assert found is not None
    assert (path, None, {}) == (found.path, found.default, found.stores)
    path.write_text("[tool.assetstore]\n")
    found = find_config(path)
    assert found is not None
    assert (path, None, {}) == (found.path, found.default, found.stores)


def test_a_config_file_is_utf_8(folder: Path) -> None:
    """Whatever the locale is; other bytes are named with the file."""
    path = folder / "assetstore.toml"
    path.write_bytes('[stores."ü"]\nurl = "memory:"\n'.encode())
    assert "ü" == find_store("ü").name
    path.write_bytes('[stores."ü"]\nurl = "memory:"\n'.encode("latin-1"))
    assert str(refusal("ü")).startswith(f"cannot read {path}: ")


def test_a_file_that_was_half_written_opens_or_is_named(folder: Path) -> None:
    """Cut at any byte it is a shorter file or a ConfigError, and never another exception."""
    path = folder / "assetstore.toml"
    whole = 'default = "ü"\n[stores."ü"]\nurl = "memory:"\nnaming = { scheme = "original" }\nstats = false\n'.encode()
    failed = []
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            open_store().close()
        except ConfigError as error:
            failed.append(str(error))
    assert [] == [text for text in failed if str(path) not in text and "no store was named" not in text]
    assert 0 < len(failed) < len(whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stores = 1", ["stores: must be a table of tables, for example [stores.dev]"]),
        ("[stores]\nx = 1", ["stores: must be a table of tables, for example [stores.dev]"]),
        ("default = 1", ["default: must be a text"]),
        ("stors = 1\ndefault = 1", ["stors: unknown (did you mean 'stores'?)", "default: must be a text"]),
        ("defalt = 1", ["defalt: unknown (did you mean 'default'?)"]),
    ],
)
def test_a_file_of_the_wrong_shape_is_told_by_key(folder: Path, text: str, expected: list[str]) -> None:
    """Each mistake has the file and the key; no store is named, since none was found."""
    path = folder / "assetstore.toml"
    path.write_text(text)
    refused = refusal("x")
    assert [f"{path}: {problem}" for problem in expected] == list(refused.problems)
    assert (None, "open") == (refused.store, refused.op)


def test_a_store_that_is_not_there_is_answered_with_all_that_are(folder: Path) -> None:
    """In order, with the file; the error is about that store. A file without stores says so."""
    path = folder / "assetstore.toml"
    path.write_text('[stores.two]\nurl = "memory:"\n[stores.one]\nurl = "memory:"\n')
    refused = refusal("three-hundred")
    assert (f"{path} has no store 'three-hundred'; it has: one, two", "three-hundred") == (refused.message, refused.store)
    path.write_text("")
    assert f"{path} has no store 'x'; it has: none" == refusal("x").message
    path.unlink()
    hint = "name one, for example -s file:assets, or write an assetstore.toml"
    assert f"no store was named and none is configured; {hint}" == str(refusal())
    assert f"no store 'x' is configured; {hint}" == str(refusal("x"))
    (folder / "x").mkdir()
    assert "no store 'x' is configured; to open the folder of this name, write ./x" == str(refusal("x"))
    assert "to open the folder of this name, write ./x" == refusal("x/").hint


def test_a_store_that_cannot_be_made_leaves_nothing(folder: Path) -> None:
    """A mistake anywhere in the table means that the backend is not made either."""
    refusal({"url": "file:assets", "stats": 7})
    refusal({"url": "file:assets", "wrappers": ["no-such-wrapper"]})
    assert [] == list(folder.iterdir())


def test_settings_of_the_backend_may_stand_in_the_url_or_beside_it(folder: Path) -> None:
    """A value of the URL is converted as a text is; create-only works through a store from config as through any other."""
    found = StoreConfig(name="n", table={"url": "file:a?durable=false", **NONE}, folder=folder, origin="here")
    with build_store(found) as store:
        assert isinstance(store, AssetStore)
        store.upload(b"a", "a", overwrite=False)
        with pytest.raises(AlreadyExistsError):
            store.upload(b"a", "a", overwrite=False)
        assert "n" == store.name


class Unmade:
    """A plugin whose making fails with what is in ``error``."""

    error: BaseException = RuntimeError("no disk")

    def __init__(self, **settings: object) -> None:
        raise self.error


@pytest.mark.parametrize("table", [{"backend": "odd", **NONE}, {"backend": "memory", "plugins": ["odd"], **NONE}])
def test_a_plugin_that_cannot_be_made_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, Any]) -> None:
    """What a constructor raises by mistake is a problem of the configuration."""
    monkeypatch.setattr(config, "load_factory", lambda name, group: Unmade if name == "odd" else MemoryBackend)
    (problem,) = refusal(table).problems
    assert "the mapping: plugin 'odd' cannot be made: RuntimeError: no disk" == problem


def test_a_wrapper_that_cannot_be_made_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made last, when the store below is there."""
    monkeypatch.setattr(config, "load_factory", lambda name, group: Unmade if name == "odd" else MemoryBackend)
    (problem,) = refusal({"backend": "memory", "wrappers": ["odd"], **NONE}).problems
    assert "the mapping: plugin 'odd' cannot be made: RuntimeError: no disk" == problem


def test_an_error_of_the_store_passes_the_making_of_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says already what is wrong, and is neither a mistake of settings nor of the plugin."""
    monkeypatch.setattr(Unmade, "error", AlreadyExistsError("taken"))
    with pytest.raises(AlreadyExistsError, match="taken"):
        build(Unmade, {})


def test_a_signal_passes_the_making_of_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the program whoever is being made."""
    monkeypatch.setattr(Unmade, "error", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        build(Unmade, {})


def test_a_factory_that_cannot_be_looked_at_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings cannot be checked then."""

    class Odd(type):
        def __getattribute__(cls, name: str) -> object:
            raise RuntimeError("look away")

    class Hidden(metaclass=Odd):
        pass

    monkeypatch.setattr(config, "load_factory", lambda name, group: Hidden)
    assert any("look away" in problem for problem in refusal({"backend": "hidden", **NONE}).problems)


def test_the_plugins_of_all_stores_are_known_without_importing_one(folder: Path) -> None:
    """Schemes, backends, wrappers, plugins and slots of each table count, and what every store has."""
    text = """
        [stores.a]
        url = "file:assets"
        wrappers = ["guard"]
        naming = { plugin = "names" }
        [stores.b]
        backend = "rows"
        plugins = ["audit", "meter"]
        stats = "sums"
        [stores.c]
        url = "./assets"
        wrappers = 7
    """
    usual = configured_plugins()
    (folder / "assetstore.toml").write_text(text, encoding="utf-8")
    assert {"file", "guard", "names", "rows", "audit", "meter", "sums"} == configured_plugins() - usual
    assert "s3" in configured_plugins("s3://bucket") - configured_plugins()


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_backend_is_named_by_a_text(folder: Path, name: object) -> None:
    """Nothing else is a name."""
    problems = refusal({"backend": name, "url": None, **NONE}).problems
    assert any("must be the name of a plugin" in each or "give exactly one of" in each for each in problems)


def test_a_host_in_an_open_bracket_is_refused(folder: Path) -> None:
    """As a problem of the URL."""
    (problem,) = refusal({"url": "s3://[bad", **NONE}).problems
    assert "the mapping: url: must be a URL with a valid host, for example 's3://bucket'" == problem


def test_a_factory_need_not_take_urls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``from_url`` only the query gives settings."""
    class Plain(MemoryBackend):
        from_url = None  # type: ignore[assignment]  # wrong on purpose

    monkeypatch.setattr(config, "load_factory", lambda name, group: Plain)
    with open_store({"url": "plain:", **NONE}) as store:
        assert [] == list(store.list())


def test_the_name_of_a_store_has_no_nul(folder: Path) -> None:
    """No file and no variable can have one."""
    assert "the name or URL of a store" in str(refusal("a\0b"))


def test_who_reads_a_file_of_secrets_is_told_where_that_can_be_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is gone, a system without owners: nobody is named. A stranger's file is."""
    path = folder / "assetstore.toml"
    assert None is config._reader_of(path)
    path.touch(0o600)
    assert None is config._reader_of(path)
    os.chown(path, 12345, -1) if os.getuid() == 0 else None
    assert ("belongs to another user" if os.getuid() == 0 else None) == config._reader_of(path)
    monkeypatch.setattr(config, "os", SimpleNamespace(name="nt"))
    assert None is config._reader_of(path)
