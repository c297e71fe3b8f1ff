"""Plugins: found by exact name, checked before the first call, and named in every error."""

from __future__ import annotations

import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, entry_points
from pathlib import Path

import attrs
import pytest

from assetstore import AssetStore, ConfigError, PluginError, open_store
from assetstore.entry_points import GROUP, SCHEMES, _written, installed_plugins, load_factory
from assetstore.hooks import OPTIONAL, REQUIRED
from assetstore.plugin import Hooks, Wrapper, hookimpl
from assetstore.stack import backend_layer, make_manager
from assetstore.testing import MemoryBackend

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that puts a distribution on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(distribution: str, entry_points: str, *, module: str = "", code: str = "") -> None:
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (folder / "entry_points.txt").write_text(f"[assetstore]\n{entry_points}\n")
        if module:
            (tmp_path / f"{module}.py").write_text(code)
            monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def message(function: Callable[[], object]) -> str:
    """Return the text of the PluginError that a call raises."""
    with pytest.raises(PluginError) as caught:
        function()
    return str(caught.value)


def test_a_plugin_is_found_by_exact_name(install: Install) -> None:
    """Only the module of the plugin that was asked for is imported."""
    install("dist-a", "wanted = good_module:make\nother = never_imported:make", module="good_module", code="make = dict")
    assert dict is load_factory("wanted")


@pytest.mark.parametrize("group", [GROUP, SCHEMES])
def test_what_is_read_is_what_importlib_metadata_reads(
    group: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every installed plugin is the same object by both ways, however its line is written."""
    lines = ["# a comment", "", "zz-plain=odd_module:make", "zz-blank = odd_module : make [x]", "zz-in=odd_module:Make.made"]
    code = "make = dict\nclass Make:\n    made = list"
    install("dist-a", "\n".join([*lines, f"[{SCHEMES}]", *lines]), module="odd_module", code=code)
    points = entry_points(group=group)
    assert {"memory", "zz-plain", "zz-blank", "zz-in"} <= points.names
    # Where Dask was imported there is a finder of a package, which may know of more than folders do.
    own = [finder for finder in sys.meta_path if finder is PathFinder or not hasattr(finder, "find_distributions")]
    with monkeypatch.context() as context:
        context.setattr(sys, "meta_path", own)
        read = {point.name: _written(group, point.name) for point in points}
    assert {point.name: point.load() for point in points} == {name: point and point.load() for name, point in read.items()}


def test_the_first_distribution_of_a_name_counts(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older copy of a distribution further down the path is not a second plugin, as for importlib.metadata."""
    install("dist-a", "wanted = first_module:make", module="first_module", code="make = dict")
    older = tmp_path / "older" / "Dist.A-1.0.dist-info"
    older.mkdir(parents=True)
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: Dist.A\nVersion: 1.0\n")
    (older / "entry_points.txt").write_text("[assetstore]\nwanted = older_module:make\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older.parent)])
    assert ["first_module:make"] == [point.value for point in entry_points(group=GROUP, name="wanted")]
    assert dict is load_factory("wanted")


def test_a_plugin_in_an_archive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ZIP file on the path holds distributions too."""
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive:
        archive.writestr("zipped_module.py", "make = dict")
        archive.writestr("dist_z-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: dist-z\nVersion: 1.0\n")
        archive.writestr("dist_z-1.0.dist-info/entry_points.txt", "[assetstore]\nzipped = zipped_module:make\n")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins.zip"))
    assert dict is load_factory("zipped")
    assert "local" in {info.name for info in installed_plugins()}


def test_a_plugin_that_another_finder_knows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finders of distributions may be added to ``sys.meta_path``."""

    class Found(Distribution):
        def read_text(self, filename: str) -> str | None:
            texts = {"METADATA": "Metadata-Version: 2.1\nName: found\nVersion: 1.0\n"}
            return (texts | {"entry_points.txt": "[assetstore]\nfound = collections:OrderedDict\n"}).get(filename)

        def locate_file(self, path: object) -> Path:
            raise NotImplementedError

    class Finder:
        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, *_: object) -> list[Distribution]:
            return [Found()]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert OrderedDict is load_factory("found")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """A typo is answered with the nearest name, an unknown name with what to install."""
    text = message(lambda: load_factory("memori"))
    assert ("did you mean 'memory'?" in text, "local, memory, mirror, naming" in text) == (True, True)
    assert "install the package that provides 'qqqq'" in message(lambda: load_factory("qqqq", SCHEMES))


def test_two_distributions_with_one_name_are_both_named(install: Install) -> None:
    """Two plugins of one name are refused, since either could win."""
    install("dist-a", "twice = a:make")
    install("dist-b", "twice = b:make")
    assert "installed twice, by dist-a and dist-b; uninstall one of them" in message(lambda: load_factory("twice"))


def test_a_plugin_that_cannot_be_imported_is_named_with_its_distribution(install: Install) -> None:
    """The cause is in the message, and chained."""
    install("dist-a", "broken = broken_module:make", module="broken_module", code="import no_such_thing")
    expected = "plugin 'broken' (dist-a 1.5) cannot be loaded: ModuleNotFoundError: No module named 'no_such_thing'"
    assert expected == message(lambda: load_factory("broken"))


def test_an_entry_point_that_is_no_factory_is_refused(install: Install) -> None:
    """An object that cannot be called is useless without its factory."""
    install("dist-a", "number = number_module:make", module="number_module", code="make = 7")
    assert "plugin 'number' (dist-a 1.5) must be callable, got int" == message(lambda: load_factory("number"))


def test_a_disabled_plugin_is_not_loaded(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read before anything is imported."""
    install("dist-a", "wanted = disabled_module:make", module="disabled_module", code="make = dict")
    monkeypatch.setenv("ASSETSTORE_DISABLE_PLUGINS", "x, wanted")
    assert "is disabled by ASSETSTORE_DISABLE_PLUGINS" in message(lambda: load_factory("wanted"))
    assert "disabled_module" not in sys.modules


def test_the_inventory_names_each_plugin_and_hides_none_behind_a_broken_one(install: Install) -> None:
    """Name, distribution, version, hooks, and for a broken one the reason."""
    code = "class Make:\n    def assetstore_event(self, event): ..."
    install("dist-a", "broken = broken_module:make\nzz = good_module:Make", module="good_module", code=code)
    found = {info.name: info for info in installed_plugins()}
    assert ("dist-a", "1.5", ("event",), None, True) == attrs.astuple(found["zz"])[1:]
    assert "ModuleNotFoundError" in str(found["broken"].error)
    assert "assetstore" == found["memory"].distribution


def test_the_inventory_shows_what_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disabled plugin is listed with the reason."""
    monkeypatch.setenv("ASSETSTORE_DISABLE_PLUGINS", "memory")
    (info,) = [info for info in installed_plugins() if info.name == "memory"]
    assert "disabled by ASSETSTORE_DISABLE_PLUGINS" == info.error


class _Unmarked:
    def assetstore_event(self, event: object) -> None: ...


class _Unknown:
    @hookimpl
    def assetstore_uplaod(self, key: object) -> None: ...


class _Misfit:
    @hookimpl
    def assetstore_event(self, happening: object) -> None: ...


class _Empty: ...


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        (_Unmarked(), "plugin 'x' defines assetstore_event without the marker; put @hookimpl above it"),
        (_Unknown(), "unknown hook 'assetstore_uplaod'"),
        (_Misfit(), "{'happening'} are declared in the hookimpl but can not be found in the hookspec"),
        (_Empty(), "plugin 'x' implements no hook"),
    ],
)
def test_a_plugin_that_does_not_fit_is_refused_before_the_first_call(plugin: object, expected: str) -> None:
    """A hook that pluggy would ignore is an error that names the plugin."""
    text = message(lambda: make_manager([("x", plugin)]))
    assert (True, True) == ("plugin 'x'" in text, expected in text)


def test_two_plugins_of_one_name_are_refused() -> None:
    """A list that names a plugin twice is a mistake."""
    assert "plugin 'x' is given twice" in message(lambda: make_manager([("x", MemoryBackend()), ("x", MemoryBackend())]))


def test_a_backend_has_every_required_hook() -> None:
    """Those that are missing are all named."""

    class Half:
        @hookimpl
        def assetstore_stat(self, key: str, options: object) -> None: ...

    expected = "it lacks assetstore_upload, assetstore_read, assetstore_list, assetstore_delete"
    assert expected in message(lambda: backend_layer("half", Half()))


def test_a_wrapper_inherits_wrapper() -> None:
    """Any other object in its place is refused."""
    text = message(lambda: AssetStore(MemoryBackend(), wrappers=[("odd", lambda _: object())]))
    assert "plugin 'odd' is not a wrapper: object must inherit assetstore.plugin.Wrapper" in text


def test_a_backend_among_the_plugins_is_refused() -> None:
    """Exactly one plugin owns the operations."""
    text = message(lambda: AssetStore(MemoryBackend(), plugins=[("second", MemoryBackend())]))
    assert "plugin 'second' implements assetstore_upload; give it as the backend or in wrappers" in text


def test_an_optional_hook_passes_a_wrapper_only_when_it_says_so() -> None:
    """A native copy cannot slip past a wrapper that does not know of it, through any number of layers."""

    class Closed(Wrapper): ...

    class Open(Wrapper):
        passes = frozenset({"copy"})

    def has_native_copy(*wrappers: Callable[[Hooks], object]) -> bool:
        return AssetStore(MemoryBackend(), wrappers=wrappers)._stack.has("copy")

    assert [True, True, False, False] == [
        has_native_copy(),
        has_native_copy(Open, Open),
        has_native_copy(Open, Closed),
        has_native_copy(Closed, Open),
    ]


def test_a_wrapper_supports_what_it_declares_for_the_hooks_it_overrides() -> None:
    """A field that a wrapper of today does not know cannot be lost in it; hooks it leaves alone keep all fields."""

    class Narrow(Wrapper):
        supports = frozenset({"upload.content_type"})

        @hookimpl
        def assetstore_upload(self, key: str, source: object, options: object) -> None: ...

    class Wide(Narrow):
        supports = frozenset({"upload.*"})

    narrow, wide = (AssetStore(MemoryBackend(), wrappers=[wrapper]) for wrapper in (Narrow, Wide))
    asked = ("upload.content_type", "upload.metadata", "read.offset", "update.if_match")
    assert [True, False, True, False] == [narrow.can(field) for field in asked]
    assert [True, True, True, True] == [wide.can(field) for field in asked]


def test_a_wrapper_of_copies_is_one_of_updates() -> None:
    """An update is a copy of an asset onto itself, so a wrapper that overrides copies says whether it guards updates."""

    class Silent(Wrapper):
        @hookimpl
        def assetstore_copy(self, source: str, destination: str, options: object) -> None: ...

    class Whole(Silent):
        supports = frozenset({"copy.*"})

    stores = [AssetStore(MemoryBackend(), wrappers=[wrapper]) for wrapper in (Silent, Whole)]
    assert [False, True] == [store.can("update.if_match") for store in stores]


def test_the_families_of_operations_name_hooks() -> None:
    """Every operation that the core lists has its hook."""
    assert [] == [op for op in (*REQUIRED, *OPTIONAL) if not hasattr(Hooks, f"assetstore_{op}")]


def test_what_a_wrapper_finds_wrong_with_its_settings_is_located(install: Install) -> None:
    """The error names table, wrapper and setting, as it does for a backend."""
    code = """
import attrs
from assetstore import ConfigError, Wrapper
@attrs.define(eq=False)
class Guard(Wrapper):
    level: int = attrs.field(kw_only=True)
    def __attrs_post_init__(self):
        raise ConfigError("level: is too low")
"""
    install("dist-a", "guard-of-a = guard_of_a:Guard", module="guard_of_a", code=code)
    with pytest.raises(ConfigError) as caught:
        open_store({"url": "memory:", "wrappers": ["guard-of-a"], "guard-of-a": {"level": 1}})
    (problem,) = caught.value.problems
    assert problem.endswith("guard-of-a.level: is too low")
