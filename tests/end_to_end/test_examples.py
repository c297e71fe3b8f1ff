"""The sample plugins: each is named, uses public names alone, and works from the configuration that is shown."""

from __future__ import annotations

import ast
import base64
import re
from pathlib import Path
from typing import Any

import pytest

import assetstore
import assetstore.plugin

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))


def test_every_example_is_named() -> None:
    """The table has a row for each folder, and no other."""
    assert FOLDERS == sorted(re.findall(r"^\| \[(\w+)\]\(\1\) \|", README, re.MULTILINE))


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_an_example_uses_public_names_alone(path: Path) -> None:
    """What it imports of assetstore stands behind one of the two doors."""
    doors = {"assetstore": assetstore.__all__, "assetstore.plugin": assetstore.plugin.__all__}
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imported = [(alias.name, "") for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    imported += [
        (node.module or "", alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    imported = [(module, name) for module, name in imported if module.split(".")[0] == "assetstore"]
    assert [] == [(module, name) for module, name in imported if name not in doors.get(module, ())]


def test_the_shown_configuration_works(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them together, as the page shows them, keep an asset and give it back."""
    monkeypatch.setenv("ASSETS_SECRET", base64.b64encode(bytes(32)).decode())
    text = re.findall(r"```toml\n# assetstore.toml\n(.*?)```", README, re.DOTALL)[0]
    (tmp_path / "assetstore.toml").write_text(text)
    with assetstore.open_store("dev", config=tmp_path / "assetstore.toml") as store:
        info = store.upload(b"the party enters the keep", filename="Session Notes.txt")
        assert ("table-4/documents/session-notes.txt", b"the party enters the keep") == (info.key, store.read(info.key))
    assert b"party" not in (tmp_path / "assets" / info.key).read_bytes()
    assert '"op": "upload"' in (tmp_path / "audit.jsonl").read_text()
