"""The house rules that a machine can hold: names, sizes, and one list for each fact."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import assetstore
from assetstore.plugin import HEADERS

CORE = Path(assetstore.__file__).parent
PLUGINS = CORE.parent / "plugins" if (CORE.parent / "plugins").exists() else CORE.parent
SHIPPED = sorted([*CORE.rglob("*.py"), *PLUGINS.rglob("assetstore_*/**/*.py")])
EACH = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(CORE.parent)))

BANNED = {
    *("relay", "ring", "gate", "place", "places", "arriving", "incoming", "staging"),
    *("proving", "checking", "failures", "told", "said"),
}
"""Second words for what has a name already."""
OLDER = {"KeyRing"}
"""Names that stay because they could be imported once."""
VENDOR = re.compile(r"x-amz-|x-goog-|x-ms-(meta|blob)|cf-copy|aws|minio", re.IGNORECASE)
SPEAKS_HTTP = {"signed_headers.py"}
JOBS = {
    **{op: op for op in ("upload", "read", "delete", "copy", "presign", "check", "collect", "commands")},
    "stat": "read", "list": "listing", "url": "presign",
    **dict.fromkeys(("begin_parts", "list_parts", "end_parts"), "multipart_direct"),
}
"""For each hook the module of a backend that does the job."""


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def names_in(path: Path) -> Iterator[str]:
    """Yield each name that a file gives to something."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def words(name: str) -> set[str]:
    """Return the words that a name is made of."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


@EACH
def test_no_second_word_for_what_has_a_name(path: Path) -> None:
    """One thing has one name; the sentences of guarantees, which are tests, may use any word."""
    names = {name for name in (path.stem, *names_in(path)) if not name.startswith("test_")} - OLDER
    assert set() == {name for name in names if words(name) & BANNED}


@pytest.mark.parametrize("path", [path for path in SHIPPED if CORE in path.parents], ids=lambda path: path.stem)
def test_the_core_speaks_no_vendors_dialect(path: Path) -> None:
    """Apart from one file, which says how a signed request is spelled, no string of the core belongs to a vendor."""
    if path.name in SPEAKS_HTTP or "verify" in path.parts:
        return
    texts = [node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(parsed(path)) if isinstance(node, documented)}
    assert [] == [text for text in texts if text not in docs and VENDOR.search(text)]


def test_two_backends_call_one_job_by_one_name() -> None:
    """In both backends a hook hands over to the module that is named after its job."""
    for backend in ("assetstore_local", "assetstore_r2"):
        found = {}
        for node in ast.walk(parsed(PLUGINS / backend / "backend.py")):
            if isinstance(node, ast.FunctionDef) and node.name.removeprefix("assetstore_") in JOBS:
                used = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
                used |= {str(name.module).rpartition(".")[2] for name in ast.walk(node) if isinstance(name, ast.ImportFrom)}
                found[node.name.removeprefix("assetstore_")] = JOBS[node.name.removeprefix("assetstore_")] in used
        assert dict.fromkeys(JOBS, True) == found, backend


def test_a_signature_is_compared_in_constant_time() -> None:
    """The module that verifies compares nothing by ``==``, whose time would tell how much of a guess is right."""
    verifies = list(ast.walk(parsed(CORE / "direct" / "signing_keys.py")))
    compared = {type(operator) for node in verifies if isinstance(node, ast.Compare) for operator in node.ops}
    assert compared.isdisjoint({ast.Eq, ast.NotEq})
    assert "compare_digest" in {node.attr for node in verifies if isinstance(node, ast.Attribute)}


@EACH
def test_a_function_fits_a_screen(path: Path) -> None:
    """A body has at most 40 lines, its docstring apart."""
    long = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            lines = (node.end_lineno or 0) - first.lineno + 1
            long |= {node.name: lines} if lines > 40 else {}
    assert {} == long


def test_the_core_has_few_files_in_its_top_folder() -> None:
    """A stranger sees at most 22."""
    assert 22 >= len(list(CORE.glob("*.py")))


@EACH
def test_the_headers_are_listed_in_one_place(path: Path) -> None:
    """Code that handles headers loops over ``HEADERS``; only signatures that people read in an editor name them."""
    if path.name in ("options.py", "store.py") or "testing" in path.parts:
        return
    collections = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Call)
    for node in ast.walk(parsed(path)):
        if isinstance(node, collections):
            texts = {child.value for child in ast.walk(node) if isinstance(child, ast.Constant)}
            given = {keyword.arg for keyword in getattr(node, "keywords", ())}
            assert 3 > len((texts | given) & set(HEADERS)), ast.unparse(node)


def test_no_two_modules_of_tests_have_one_name() -> None:
    """Tests import one another by file name, so of two with one name whichever is met first hides the other."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("*.py") if not (path.parent / "__init__.py").exists())
    assert ["conftest.py"] == [name for name, count in names.items() if count > 1]
