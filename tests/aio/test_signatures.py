"""The asynchronous store has the same methods as the ordinary one, parameter for parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import assetstore
from assetstore import AssetReader, AssetStore, AssetWriter, BulkResults
from assetstore.aio import AsyncAssetReader, AsyncAssetStore, AsyncAssetWriter, AsyncBulkResults, open_store

RETURNS = {
    "open": "Opening[AsyncAssetReader]",
    "writer": "AsyncIterator[AsyncAssetWriter]",
    "as_local": "AsyncIterator[Path]",
    "list": "AsyncIterator[AssetInfo | Prefix]",
    "scoped": "AsyncAssetStore",
    "open_store": "Opening[AsyncAssetStore]",
    "chunks": "AsyncIterator[bytes]",
}
"""What is not the same as in the ordinary store; calls about many items return ``AsyncBulkResults``."""
AT_ONCE = {
    *("open", "list", "application", "can", "commands", "scoped", "writer", "as_local"),
    *("upload_many", "download_many", "read_many", "stat_many", "copy_many", "move_many"),
}
"""Methods that return something without waiting; all others are awaited."""
WIDER = {
    "source": "AsyncSourceLike",
    "items": "Many[UploadItem]",
    "keys": ("Many[str | AssetInfo]", "Many[str | AssetInfo | tuple[str, str]]"),
    "pairs": "Many[tuple[str, str]]",
}
"""Parameters of the calls that take more than those of the ordinary store: what is asynchronous."""


def methods(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the public methods of a class itself, and of the classes of ours that it inherits from."""
    return {name: method for name, method in vars(cls).items() if inspect.isfunction(method) and name[0] != "_"}


@pytest.mark.parametrize("name", methods(AssetStore))
def test_a_method_has_the_parameters_of_the_ordinary_one(name: str) -> None:
    """Names, order, kinds, defaults and types are equal; what may also be asynchronous is the only difference."""
    assert name in methods(AsyncAssetStore)
    ordinary, ours = (inspect.signature(methods(cls)[name]).parameters for cls in (AssetStore, AsyncAssetStore))
    assert list(ordinary) == list(ours)
    for parameter in ordinary.values():
        found = ours[parameter.name]
        if parameter.annotation != found.annotation:
            assert found.annotation in WIDER[parameter.name]
        assert parameter.replace(annotation=None) == found.replace(annotation=None)


@pytest.mark.parametrize("name", methods(AsyncAssetStore))
def test_a_method_returns_what_the_ordinary_one_returns(name: str) -> None:
    """It is awaited, unless it returns at once something that is asynchronous itself."""
    ordinary, ours = (methods(cls)[name] for cls in (AssetStore, AsyncAssetStore))
    expected = RETURNS.get(name, inspect.signature(ordinary).return_annotation.replace("BulkResults", "AsyncBulkResults"))
    assert expected == inspect.signature(ours).return_annotation
    assert (name not in AT_ONCE) == inspect.iscoroutinefunction(ours)


@pytest.mark.parametrize("name", methods(AsyncAssetStore))
def test_a_method_is_summed_up_as_the_ordinary_one(name: str) -> None:
    """The first sentence of its docstring is the same, so that an editor shows what it does."""
    ordinary, ours = ((inspect.getdoc(methods(cls)[name]) or "").split("\n")[0] for cls in (AssetStore, AsyncAssetStore))
    assert ordinary.split(". ")[0] == ours.split(". ")[0]


def test_a_store_is_opened_by_the_same_arguments() -> None:
    """``assetstore.aio.open_store`` replaces ``assetstore.open_store``."""
    ordinary, ours = inspect.signature(assetstore.open_store), inspect.signature(open_store)
    assert ordinary.parameters == ours.parameters
    assert RETURNS["open_store"] == ours.return_annotation


@pytest.mark.parametrize(
    ("ordinary", "ours"),
    [(AssetReader, AsyncAssetReader), (AssetWriter, AsyncAssetWriter), (BulkResults, AsyncBulkResults)],
)
def test_a_stream_has_the_methods_of_the_ordinary_one(ordinary: type, ours: type) -> None:
    """Those that both have take the same parameters."""
    shared = methods(ours).keys() & methods(ordinary).keys()
    assert {"read", "write", "close"} & shared
    for name in shared:
        expected, found = (inspect.signature(methods(cls)[name]) for cls in (ordinary, ours))
        assert expected.parameters == found.parameters
        assert RETURNS.get(name, expected.return_annotation) == found.return_annotation
