"""The pages in docs/ are current and true: their generated parts, their blocks, their outputs, their links."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import assetstore
from assetstore import AssetStore, migrate, sync
from assetstore.config import DEFAULTS
from pages import ROOT, Reader, blocks_of, links_of

DOCS = ROOT / "docs"
PAGES = (
    *("api", "answers", "errors", "config", "command-line", "content-types", "from-r2assetmanager", "plugins", "design"),
    *("benchmarks", "reliability", "django", "fsspec", "async", "metrics", "files", "sync"),
    *("migrating", "wrappers", "gallery"),
)
RUN_WITH_THEIR_DOORS = ("fsspec",)
"""Pages whose blocks need much more than the default environment has; tests/doors runs them."""


@pytest.mark.parametrize("name", [name for name in PAGES if name not in RUN_WITH_THEIR_DOORS])
def test_every_block_runs_and_every_output_is_what_is_shown(name: str, tmp_path: Path) -> None:
    """A reader who types the blocks of a page one after the other sees what the page shows, times and random parts aside."""
    reader = Reader(tmp_path)
    reader.read(DOCS / f"{name}.md")
    assert [] == reader.differences()


@pytest.mark.parametrize("name", PAGES)
def test_the_generated_parts_are_current(name: str) -> None:
    """Each page is what ``python docs/generate.py`` makes of it."""
    page = DOCS / f"{name}.md"
    made = subprocess.run([sys.executable, DOCS / "generate.py", page], capture_output=True, text=True, check=True)
    assert made.stdout == page.read_text(encoding="utf-8")


def test_every_public_method_and_keyword_is_documented() -> None:
    """``docs/api.md`` has a section for each method of a store, and its generator misses no parameter."""
    program = "import generate; print(generate.undocumented())"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=DOCS)
    assert "[]\n" == made.stdout
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    methods = [name for name, method in vars(AssetStore).items() if inspect.isfunction(method) and name[0] != "_"]
    between = [f"{module.__name__[11:]}.{name}" for module in (sync, migrate) for name in module.__all__]
    explained_elsewhere = {"sync.SyncRefusedError", "migrate.EngineHooks", "migrate.hookimpl"}
    assert [] == [name for name in [*methods, *between] if f"### {name}\n" not in text and name not in explained_elsewhere]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    """A page links only to files that there are."""
    assert [] == [link for link in links_of(DOCS / f"{name}.md") if not (DOCS / link).exists()]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_a_page_leads_to_a_heading(name: str) -> None:
    """Calls, errors and results are linked to by their names."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    headings = {title.lower().replace(" ", "-").replace(".", "") for title in titles}
    assert set() == set(re.findall(r"\]\(#([^)]+)\)", text)) - headings


def test_every_error_is_explained() -> None:
    """``docs/errors.md`` says of each class when it is raised and what to do."""
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    classes = [name for name in assetstore.__all__ if name.endswith("Error") and name != "AssetStoreError"]
    assert sorted(classes) == sorted(re.findall(r"^### (\w+)\n\n[`\w]", text, re.MULTILINE))


def test_every_key_of_a_store_is_explained() -> None:
    """``docs/config.md`` has a line for each key that is not a setting of a plugin."""
    text = (DOCS / "config.md").read_text(encoding="utf-8")
    keys = {"default", "stores", "url", "backend", "wrappers", "plugins", *DEFAULTS}
    assert set() == keys - set(re.findall(r"^\* `(\w+)`: ", text, re.MULTILINE))


def test_the_plugins_work_when_they_are_installed(tmp_path: Path) -> None:
    """The classes of ``docs/plugins.md``, as a distribution with its entry points, are the store of its configuration."""
    blocks = blocks_of(DOCS / "plugins.md")
    files = {name: text for _, name, text in blocks if name}
    info = tmp_path / "my_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugins\nVersion: 1.0\n", encoding="utf-8")
    points = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
    lines = [line for group, names in points.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in names.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    parts = [text for language, _, text in blocks if (language, text[:6]) in (("python", "import"), ("python", "class "))]
    (tmp_path / "my_plugins.py").write_text("\n\n".join(parts), encoding="utf-8")
    (tmp_path / "assetstore.toml").write_text(files["assetstore.toml"], encoding="utf-8")
    program = "import assetstore; print(assetstore.open_store('dev').upload(b'MZ', 'a.exe'))"
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "upload 'a.exe' (store dev): programs are not welcome here" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("index", "most"), [(0, 5), (1, 5), (2, 8), (3, 43)], ids=["observer", "naming", "wrapper", "backend"]
)
def test_the_shortest_plugins_stay_short(index: int, most: int) -> None:
    """If one grows, the core lacks a default. Blank lines do not count."""
    plugins = [text for language, _, text in blocks_of(DOCS / "plugins.md") if (language, text[:6]) == ("python", "class ")]
    assert len([line for line in plugins[index].splitlines() if line.strip()]) <= most


def test_the_environment_variables_of_the_pages_are_those_that_are_read() -> None:
    """No variable is documented that does nothing."""
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(assetstore.__file__).parent.rglob("*.py"))
    pages = [ROOT / "README.md", *(DOCS / f"{name}.md" for name in PAGES)]
    named = {name for page in pages for name in re.findall(r"\bASSETSTORE_[A-Z_]+", page.read_text(encoding="utf-8"))}
    assert set() == {name for name in named if name not in sources}
