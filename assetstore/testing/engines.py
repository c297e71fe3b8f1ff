"""What every engine of migrations must do, as one function: ``check_engine(MyEngine("mine"))`` in a test of yours."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import attrs

from assetstore.config import open_store
from assetstore.errors import ConfigError
from assetstore.migrate import EngineOptions, Migration, ShardResult, plan, run, status, verify
from assetstore.migrate.engines import hooks_of
from assetstore.migrate.running import results_of

ASSETS, SHARD = 60, 5
MOST = 1000
"""An engine must hold fewer shards than these."""


def check_engine(engine: object) -> None:
    """Run a small migration between folders through an engine, in several ways.

    Args:
        engine: the object that its entry point makes.

    Raises:
        AssertionError: the engine breaks the contract of ``assetstore.migrate.EngineHooks``.
    """
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(engine, Path(folder))
        trial.raises_what_concerns_every_shard()
        trial.holds_few_shards_and_ends_when_it_is_closed()
        trial.brings_the_results_of_all_shards()
        trial.runs_no_shard_twice()


@attrs.frozen
class _Trial:
    engine: object
    folder: Path

    def __attrs_post_init__(self) -> None:
        with open_store(self._url("old")) as old:
            for number in range(ASSETS):
                old.upload(b"%d" % number, f"maps/{number:03d}.txt")
        plan(self._url("old"), self._url("new"), self._url("work"), shard_keys=SHARD, lease_seconds=5)

    def raises_what_concerns_every_shard(self) -> None:
        """A store that cannot be opened is an error of the run, and no result."""
        broken = Migration(self._url("work"), destination=f"{self._url('new')}?unknown=1")
        try:
            list(self._results(iter(self._names()), broken))
        except ConfigError:
            return
        raise AssertionError("the engine must raise what run_shard raises")

    def holds_few_shards_and_ends_when_it_is_closed(self) -> None:
        """Shards are taken as they are needed, and no shard stays leased by what was closed."""
        taken = itertools.count()
        shards = (name for name in itertools.cycle(self._names()) if next(taken) >= 0)
        with closing(self._results(shards, Migration(self._url("work")))) as results:
            assert isinstance(next(results), ShardResult), "an engine must yield ShardResults"
        assert next(taken) <= MOST, "an engine must take shards as it needs them"

    def brings_the_results_of_all_shards(self) -> None:
        """Each shard has one result at the end, and every asset is there."""
        run(self._url("work"), engine=hooks_of(self.engine))
        found = status(self._url("work"))
        assert (found.shards, ASSETS, 0) == (found.done, found.copied + found.present, found.failed)
        assert verify(self._url("work"), download=True).same, "every asset must arrive"

    def runs_no_shard_twice(self) -> None:
        """A shard that has ended is not run again, and the result says so."""
        results = list(self._results(iter(self._names()), Migration(self._url("work"))))
        assert set(self._names()) == {result.shard for result in results}, "each shard must have a result"
        assert {"ended before"} == {result.state for result in results}

    def _results(self, shards: Iterator[str], migration: Migration) -> Generator[ShardResult, None, None]:
        return results_of(hooks_of(self.engine), shards, migration, EngineOptions(max_concurrency=4))

    def _names(self) -> list[str]:
        return [f"0001/{number:06d}" for number in range(ASSETS // SHARD)]

    def _url(self, name: str) -> str:
        return f"file://{self.folder}/{name}"
