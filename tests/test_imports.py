"""Imports run one way, and importing the core loads next to nothing."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import assetstore
import assetstore.plugin
from pages import ROOT

CORE = Path(assetstore.__file__).parent
PLUGIN_FOLDER = CORE.parent / "plugins" if (CORE.parent / "plugins").exists() else CORE.parent
PLUGINS = tuple(sorted(path.name for path in PLUGIN_FOLDER.glob("assetstore_*") if (path / "__init__.py").exists()))

# Each module may import those of the lines above its own, and those that stand before it on its own line.
ORDER = [
    ["errors", "limits", "per_process", "plugin_faults", "bulk", "bulk.running", "bulk.cost"],
    ["content.content_types"],
    ["signed_headers", "options", "results", "keys", "settings"],
    ["content.mpeg_audio", "content.signatures", "content.sniffing", "content.atomic_file", "content.part_files",
     "content.checkpoint"],
    ["content.digests", "content.read_ahead", "content.ranges", "content.reader", "content.source", "content.writer"],
    ["direct.signing_keys", "hooks"],
    ["wrapper", "entry_points", "operation"],
    ["stack", "side_plugins"],
    ["fallbacks", "named_upload"],
    ["bulk.concurrency", "bulk.work", "bulk.pool", "bulk.repeats", "bulk.folder", "bulk.uploads", "bulk.calls"],
    ["bulk.delete"],
    ["direct.token", "direct.context", "direct.parts", "direct.cancel", "direct.begin", "direct.finish"],
    ["store", "config", "plugin", "__init__"],
    ["direct.send", "sync", "migrate", "aio", "cli", "testing", "__main__"],
]
RANK = {module: rank for rank, module in enumerate(module for line in ORDER for module in line)}


def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports anywhere, but for its annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "assetstore" else {f"assetstore.{alias.name}" for alias in node.names}
    return names


def module_of(path: Path) -> str:
    """Return the name of a module of the core, ``aio``, ``cli``, ``migrate``, ``sync`` and ``testing`` each as a whole."""
    name = ".".join(path.relative_to(CORE).with_suffix("").parts).removesuffix(".__init__")
    return name.partition(".")[0] if name.startswith(("aio", "cli", "migrate", "sync", "testing")) else name


FREE = ("aio", "cli", "migrate", "sync", "testing", "content", "direct")
LAYERED = [path for path in sorted(CORE.rglob("*.py")) if module_of(path) not in FREE]


@pytest.mark.parametrize("path", LAYERED, ids=module_of)
def test_a_core_module_imports_only_what_stands_before_it(path: Path) -> None:
    """The arrows of the design hold, and no module is missing from them."""
    found = {name.removeprefix("assetstore.") for name in imported(path) if name.startswith("assetstore.")}
    ours = {name if name in RANK else name.partition(".")[0] for name in found}
    wrong = {name for name in ours & RANK.keys() if RANK[name] >= RANK[module_of(path)]}
    assert set() == wrong


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_knows_no_plugin(path: Path) -> None:
    """No plugin's package is imported by the core, its test kit or its command line."""
    assert set() == {name for name in imported(path) if name.split(".")[0] in PLUGINS}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_do_not_import_one_another(plugin: str) -> None:
    """A plugin knows the core and its vendor alone."""
    files = (PLUGIN_FOLDER / plugin).rglob("*.py")
    names = {name.split(".")[0] for path in files for name in imported(path)}
    assert set() == names & (set(PLUGINS) - {plugin})


def test_the_inner_doors_of_a_store_are_documented() -> None:
    """``sync`` and ``migrate`` use a store's public calls, and of its own members those alone that the design names."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    texts = [path.read_text(encoding="utf-8") for folder in ("sync", "migrate") for path in (CORE / folder).rglob("*.py")]
    lines = [line.partition("#")[0] for text in texts for line in text.splitlines() if "noqa: SLF001" in line]
    used = {name for line in lines for name in re.findall(r"\.(_[a-z]\w*)", line)}
    assert "_overlaps" in used
    assert set() == {name for name in used if f"`{name}`" not in design}


def loaded(program: str, *arguments: str) -> set[str]:
    """Return the modules that a program loads beyond those of the interpreter itself."""
    found = []
    for code in ("", program):
        told = "print('', sorted(sys.modules), sep='\\n', file=sys.__stdout__)"
        code = f"import sys\ntry:\n    pass\n    {code}\nfinally:\n    {told}"
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        found.append(set(ast.literal_eval(done.stdout.splitlines()[-1])))
    return found[1] - found[0]


def packages(modules: set[str]) -> set[str]:
    """Return the packages of these modules that are not the standard library's."""
    return {name.split(".")[0] for name in modules} - sys.stdlib_module_names


def test_importing_assetstore_loads_nothing_else() -> None:
    """Names are loaded when they are first asked for; errors need no package, a store needs two."""
    assert {"assetstore"} == packages(loaded("import assetstore"))
    assert {"assetstore"} == packages(loaded("from assetstore import AssetStoreError"))
    assert {"assetstore", "attr", "attrs", "pluggy"} == packages(loaded("from assetstore import *"))


COMMAND = "from assetstore.cli import main; main()"
SLOW = {
    *("boto3", "botocore", "ssl", "asyncio", "starlette", "rich", "http.client", "urllib.request", "email", "xml.sax"),
    *("importlib.metadata", "html", "sqlite3", "tempfile", "subprocess", "assetstore.direct.begin", "assetstore.bulk.calls"),
    *("assetstore.content.sniffing", "assetstore_local.http"),
}
"""What takes long to load and has nothing to do with a short command."""


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("from assetstore import open_store; open_store('file:assets').upload(b'abc', 'a.txt')", ()),
        (COMMAND, ("--help",)),
        (COMMAND, ("-s", "file:assets", "list")),
        (COMMAND, ("-s", "file:assets", "list", "-r", "-l")),
    ],
    ids=["upload", "help", "list", "long"],
)
def test_short_programs_load_nothing_that_is_slow_to_load(
    program: str, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Help, a listing of a folder and an upload to one load no other backend, no server, no TLS and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSETSTORE_STORE", raising=False)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a b.txt").write_text("abc")
    assert set() == loaded(program, *arguments) & SLOW


SENDING = {"email", *(f"assetstore_r2.{name}" for name in ("asset_manager", "check", "copy", "presign", "settle", "upload"))}


def test_a_store_on_s3_loads_what_it_is_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something is sent, copied, signed or checked, a store has none of the modules that do it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    modules = loaded("from assetstore import open_store; open_store('s3://bucket?region=eu-central-1').name")
    assert {"assetstore_r2.listing"} == modules & (SENDING | {"assetstore_r2.listing"})


def test_an_unchanged_sync_loads_neither_check_nor_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is to be done, nothing is loaded that compares contents, writes temporary files or speaks HTTP."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "a").write_text("abc")
    loaded(COMMAND, "sync", "-q", "./art", "file:assets")
    modules = loaded(COMMAND, "sync", "-q", "./art", "file:assets")
    rest = {"assetstore.sync.comparison", "assetstore.sync.verification", "assetstore.sync.verify_file", "fractions"}
    assert {"assetstore.sync.planning"} == modules & ((SLOW - {"sqlite3"}) | rest | {"assetstore.sync.planning"})


def test_reaching_a_host_of_ascii_loads_no_codec_of_other_alphabets() -> None:
    """That codec has large tables, and the first connection of every command would wait for them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = (
            "from urllib.parse import urlsplit; from assetstore_r2.deadline import current;"
            "from assetstore_r2.wire.connecting import reach;"
            f"reach(urlsplit('http://127.0.0.1:{server.getsockname()[1]}'), 'the endpoint', 5, current()).close()"
        )
        assert {"socket"} == loaded(program) & {"socket", "encodings.idna", "stringprep"}


@pytest.mark.parametrize("arguments", [("--help",), ("gc", "--help")], ids=" ".join)
def test_the_end_of_a_command_looks_at_no_object_again(arguments: tuple[str, ...]) -> None:
    """What the interpreter would look for cycles in when it ends is set apart, which is a tenth of a short command."""
    told = "atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count() / 10, file=sys.stderr))"
    program = f"import atexit, gc, sys; {told}; {COMMAND}"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert "True\n" == done.stderr


def test_help_loads_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no store is configured, help knows that without the classes of one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSETSTORE_STORE", raising=False)
    assert set() == loaded(COMMAND, "--help") & {"pluggy", "assetstore.store", "assetstore.options", "assetstore.hooks"}


@pytest.mark.parametrize("door", [assetstore, assetstore.plugin], ids=lambda door: door.__name__)
def test_a_door_is_sorted_and_complete(door: ModuleType) -> None:
    """``__all__`` is the table of contents: sorted, and exactly the public names, each of which is there when asked for."""
    # The import system puts modules that were loaded into their package.
    public = {name for name in vars(door) if not name.startswith("_") and not isinstance(getattr(door, name), ModuleType)}
    asked_for = assetstore._ALIASES.keys() if door is assetstore else set()
    assert public - {"Any", "TYPE_CHECKING", "import_module"} - asked_for <= set(door.__all__)
    assert [] == [name for name in door.__all__ if not hasattr(door, name)]
    assert sorted(set(door.__all__), key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == door.__all__
    assert set(assetstore.__all__) <= set(dir(assetstore))


def test_modules_that_hold_the_names_are_attributes_of_the_package() -> None:
    """``import assetstore`` gives ``assetstore.errors``, as it did when it loaded all; what is not there is named."""
    names = [f"assetstore.{name}" for name in ("errors", "results", "store", "config", "plugin")]
    assert names == [eval(name, {"assetstore": assetstore}).__name__ for name in names]
    with pytest.raises(AttributeError, match="module 'assetstore' has no attribute 'Store'"):
        _ = assetstore.Store


def test_the_users_door_is_narrow_and_the_older_names_stay() -> None:
    """Users see some forty names; what could be imported from ``assetstore`` before is an alias of ``assetstore.plugin``."""
    assert 40 >= len(assetstore.__all__)
    aliases = {name: getattr(assetstore.plugin, target) for name, target in assetstore._ALIASES.items()}
    assert aliases == {name: getattr(assetstore, name) for name in aliases}
    assert set() == assetstore._ALIASES.keys() & set(assetstore.__all__)


@pytest.mark.parametrize("path", sorted(PLUGIN_FOLDER.rglob("assetstore_*/**/*.py")), ids=lambda path: path.stem)
def test_plugins_use_public_names_alone(path: Path) -> None:
    """A plugin imports from the doors and from the test kit, as a third party's would; engines have a door of their own."""
    doors = ("assetstore", "assetstore.plugin", "assetstore.migrate", "assetstore.testing")
    names = {name for name in imported(path) if name == "assetstore" or name.startswith("assetstore.")}
    public = {f"assetstore.{name}" for name in assetstore.__all__}
    assert set() == {name for name in names - public if name not in doors}


def test_production_code_never_imports_the_test_kit() -> None:
    """The kit is for tests: the memory backend and ``verify-backend``, which live in it, are reached by name alone."""
    files = [path for path in CORE.rglob("*.py") if "testing" not in path.parts]
    files += [path for path in PLUGIN_FOLDER.rglob("assetstore_*/**/*.py") if "testing" not in path.parts]
    wrong = {path.name: name for path in files for name in imported(path) if name.startswith("assetstore.testing")}
    assert {} == wrong
