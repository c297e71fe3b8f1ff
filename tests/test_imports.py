"""Imports run one way, and importing the core loads next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import assetstore

CORE = Path(assetstore.__file__).parent
PLUGINS = ("assetstore_local", "assetstore_naming", "assetstore_r2", "assetstore_stats")

# Each module may import those of the lines above its own, and those that stand before it on its own line.
ORDER = [
    ["errors"],
    ["models", "keys", "content_types", "per_process"],
    ["http_headers", "key_ring", "signed", "direct_models", "tokens", "sniffing"],
    ["sources", "readers", "writers"],
    ["hookspecs"],
    ["wrappers", "plugins", "scope", "operation", "replacing", "schema"],
    ["relay", "host"],
    ["transfers", "generated_keys", "deletes", "promoting", "direct_uploads"],
    ["store"],
    ["config"],
    ["__init__"],
    ["testing", "cli", "__main__"],
]
RANK = {module: rank for rank, module in enumerate(module for line in ORDER for module in line)}


def imported(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "assetstore" else {f"assetstore.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", sorted(CORE.glob("*.py")), ids=lambda path: path.stem)
def test_a_core_module_imports_only_what_stands_before_it(path: Path) -> None:
    """The arrows of the design hold, and no module is missing from them."""
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("assetstore.")}
    wrong = {name for name in ours & RANK.keys() if RANK[name] >= RANK[path.stem]}
    assert set() == wrong


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_knows_no_plugin(path: Path) -> None:
    """No plugin's package is imported by the core, its test kit or its command line."""
    assert set() == {name for name in imported(path) if name.split(".")[0] in PLUGINS}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_do_not_import_one_another(plugin: str) -> None:
    """A plugin knows the core and its vendor alone."""
    files = (CORE.parent / "plugins" / plugin).rglob("*.py")
    if not (CORE.parent / "plugins").exists():
        files = (CORE.parent / plugin).rglob("*.py")
    names = {name.split(".")[0] for path in files for name in imported(path)}
    assert set() == names & (set(PLUGINS) - {plugin})


def test_importing_the_core_loads_attrs_and_pluggy_alone() -> None:
    """``import assetstore`` stays light: beside the standard library it loads two packages."""
    program = "import sys; import assetstore; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", program.replace("import assetstore;", "")], capture_output=True, text=True, check=True
    )
    loaded = set(ast.literal_eval(done.stdout)) - set(ast.literal_eval(before.stdout)) - sys.stdlib_module_names
    assert {"assetstore", "attr", "attrs", "pluggy"} == loaded


def test_all_is_sorted_and_complete() -> None:
    """``__all__`` is the table of contents: sorted, and exactly the public names."""
    public = {
        name for name, value in vars(assetstore).items() if not name.startswith("_") and not isinstance(value, type(ast))
    }
    assert (sorted(assetstore.__all__), public) == (assetstore.__all__, set(assetstore.__all__))
