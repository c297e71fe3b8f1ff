"""The engine: gives shards to Dask, a few at a time, and takes each result as it comes."""

from __future__ import annotations

import contextlib
import itertools
import logging
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError

import attrs
from distributed import Client, Future, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from assetstore.migrate import EngineOptions, Migration, ShardResult, hookimpl
from assetstore.plugin import AssetStoreError, InvalidOptionError, PluginError, UnavailableError
from assetstore_dask.tasks import run_one, try_stores

PER_THREAD = 2
"""How many shards each thread of the workers has in hand: the one that it runs, and the next."""
CONNECT_SECONDS = 30
"""How long to wait for the scheduler and for its first worker."""


@attrs.frozen
class Dask:
    """Runs shards on the workers of a Dask scheduler, one task a shard.

    A task holds the address of the work folder and the name of a shard, so no scheduler sees a secret or a long list. The
    workers open the stores by their own configuration, and need assetstore with the same plugins.

    Attributes:
        text: ``dask`` starts a cluster of processes on this machine, one a processor, and ``dask:4`` one of four processes;
            ``dask://host:8786`` uses a scheduler, and ``dask:tls://host:8786`` one that speaks TLS.
    """

    text: str = "dask"

    def __attrs_post_init__(self) -> None:
        """Refuse what is neither a number nor an address."""
        rest = self.text.removeprefix("dask").removeprefix(":")
        if rest and not ("//" in rest or (rest.isdecimal() and int(rest) > 0)):
            problem = f"the engine must be dask, dask:N or dask://host:8786, got {self.text!r}"
            raise InvalidOptionError(problem, hint="give the address of the scheduler, or how many processes to start")

    @property
    def address(self) -> str | None:
        """The address of the scheduler; ``None`` to start a cluster."""
        rest = self.text.removeprefix("dask").removeprefix(":")
        return f"tcp:{rest}" if rest.startswith("//") else rest if "//" in rest else None

    @property
    def processes(self) -> int | None:
        """How many processes to start; ``None`` for one a processor."""
        rest = self.text.removeprefix("dask").removeprefix(":")
        return int(rest) if rest.isdecimal() else None

    @hookimpl
    def assetstore_run_shards(
        self, shards: Iterable[str], migration: Migration, options: EngineOptions
    ) -> Iterator[ShardResult]:
        """Try the stores on every worker, then keep each worker busy until no shard is left."""
        migration.require_names()
        return self._run(iter(shards), migration, options)

    def _run(self, shards: Iterator[str], migration: Migration, options: EngineOptions) -> Iterator[ShardResult]:
        first = next(shards, None)
        if first is None:
            return
        with contextlib.ExitStack() as stack:
            client = self._connected(stack)
            _try_workers(client, migration, first)
            running = _Running(client, migration, options)
            stack.callback(running.cancel)
            yield from running.results(itertools.chain([first], shards))

    def _connected(self, stack: contextlib.ExitStack) -> Client:
        """Return a client of the scheduler, or of a cluster; both end with ``stack``.

        Raises:
            UnavailableError: no scheduler answers there, or it has no worker.
        """
        target: LocalCluster | str
        if self.address is None:
            target = stack.enter_context(
                LocalCluster(
                    n_workers=self.processes,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",  # None is port 8787 of every network
                    silence_logs=logging.ERROR,
                )
            )
        else:
            target = self.address
        try:
            client = stack.enter_context(Client(target, timeout=CONNECT_SECONDS, set_as_default=False))
        except (OSError, ValueError) as error:
            problem = f"no Dask scheduler answers at {self.address}"
            raise UnavailableError(problem, hint="start one by dask scheduler, or correct the address") from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            problem = f"the Dask scheduler at {self.address} has no workers"
            raise UnavailableError(problem, hint="start some by dask worker") from error
        return client


@attrs.define
class _Running:
    """The tasks of one call.

    Attributes:
        client: the client of the scheduler.
        migration: what the shards belong to.
        options: how to run them.
    """

    client: Client
    migration: Migration
    options: EngineOptions
    _shards: dict[Future[ShardResult], str] = attrs.field(init=False, factory=dict)

    def results(self, shards: Iterator[str]) -> Iterator[ShardResult]:
        """Yield each result as it comes, and release it: Dask repeats a finished task whose worker dies while it is held."""
        done = as_completed(self._submit(shards), loop=self.client.loop)  # without a loop it asks the default client
        for future in done:
            shard = self._shards.pop(future)
            result = _result_of(future, shard)
            future.release()
            yield result
            for new in self._submit(shards):
                done.add(new)

    def cancel(self) -> None:
        """Take back what waits; a shard that runs is run to its end by its worker."""
        with contextlib.suppress(Exception):  # the scheduler may be gone, and its tasks with it
            self.client.cancel(list(self._shards))
        self._shards.clear()

    def _submit(self, shards: Iterator[str]) -> list[Future[ShardResult]]:
        """Submit what the workers there are can have in hand; they come and go."""
        if self.client.status != "running":
            raise _lost()
        try:
            threads = sum(self.client.nthreads().values())
        except OSError as error:
            raise _lost() from error
        room = max(1, threads) * PER_THREAD - len(self._shards)
        new = []
        for shard in itertools.islice(shards, max(0, room)):
            future: Future[ShardResult] = self.client.submit(
                run_one,
                self.migration,
                shard,
                self.options.max_concurrency,
                key=f"assetstore-{shard}-{uuid.uuid4().hex}",  # of equal tasks Dask runs one
                pure=False,
                retries=0,  # what a task raises concerns every shard; Dask repeats those of lost workers by itself
            )
            self._shards[future] = shard
            new.append(future)
        return new


def _result_of(future: Future[ShardResult], shard: str) -> ShardResult:
    try:
        result: ShardResult = future.result()
    except KilledWorker as error:
        problem = f"the shard {shard} has lost several workers, which died while they ran it"
        raise UnavailableError(problem, hint="look at the workers' logs and their memory, then run again") from error
    except CancelledError as error:
        raise _lost() from error
    except AssetStoreError:
        raise
    except Exception as error:
        raise _unfit(f"a worker cannot run the shard {shard}", error) from error
    return result


def _unfit(what: str, error: Exception) -> PluginError:
    hint = "install assetstore[dask] and the plugins of the stores there"
    return PluginError(f"{what}: {type(error).__name__}: {error}", hint=hint)


def _lost() -> UnavailableError:
    problem = "the Dask scheduler was lost, or somebody cancelled the tasks"
    return UnavailableError(problem, hint="run again: what has ended stays so")


def _try_workers(client: Client, migration: Migration, shard: str) -> None:
    """Try the stores on every worker before anything is copied.

    Raises:
        AssetStoreError: one of them lacks a store, a secret or assetstore itself.
    """
    futures = {}
    for address in client.nthreads():
        key = f"assetstore-stores-{uuid.uuid4().hex}"
        futures[address] = client.submit(
            try_stores, migration, shard, key=key, pure=False, retries=0, workers=[address]
        )
    for address, future in futures.items():
        try:
            future.result()
        except AssetStoreError as error:
            error.message = f"the worker {address} cannot use the stores: {error.message}"
            raise
        except (CancelledError, KilledWorker):
            continue  # the worker has gone meanwhile
        except Exception as error:
            raise _unfit(f"the worker {address} cannot run shards", error) from error
