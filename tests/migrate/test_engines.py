"""Engines: the one that comes with the package, and what every engine must do."""

from __future__ import annotations

import pytest

from assetstore.errors import InvalidOptionError, PluginError
from assetstore.migrate.engines import Threads, hooks_of, load_engine
from assetstore.testing.engines import check_engine


def test_threads_keeps_the_contract_of_engines() -> None:
    """The function that authors of engines call passes for ours."""
    check_engine(Threads())


def test_an_engine_is_found_by_its_exact_name() -> None:
    """An unknown engine is an error that names those that are installed; an address is for those that connect."""
    assert load_engine("threads").assetstore_run_shards.get_hookimpls()
    with pytest.raises(PluginError, match=r"no engine 'thread' is installed; these are: .*threads"):
        load_engine("thread")
    with pytest.raises(InvalidOptionError, match="must have no address"):
        load_engine("threads://localhost")


def test_an_engine_without_the_hook_is_refused() -> None:
    """What does nothing would end a run at once, with all shards left."""
    with pytest.raises(PluginError, match="must implement assetstore_run_shards"):
        hooks_of(object())
