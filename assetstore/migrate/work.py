"""The work folder: the part of any store that holds the plans of a migration, and what has become of their shards.

::

    0001/plan.json                     the plan; it is written last, so a plan without it is not finished
    0001/manifests/000000.jsonl.gz     the shards, sorted
    0001/leases/000000.1               who runs the shard; the highest number counts
    0001/results/000000.json.gz        how it ended; written once
    0001/clocks/NAME                   tells the time by the clock of the store
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import attrs

from assetstore.errors import AlreadyExistsError, InvalidOptionError, NotFoundError, UnsupportedError
from assetstore.migrate.documents import FORMAT, Item, Plan, ShardRecord, packed, unpacked, whole
from assetstore.migrate.stores import named, opened
from assetstore.results import AssetInfo, Prefix
from assetstore.store import AssetStore

PLAN = "plan.json"
_PACKED = "application/gzip"


@attrs.frozen
class PlanFolder:
    """The folder of one plan.

    Attributes:
        store: the part of the store that holds the plan alone.
        number: the number of the plan.
    """

    store: AssetStore
    number: int

    @classmethod
    def all_of(cls, work: AssetStore) -> list[PlanFolder]:
        """Return the folders of all plans, the oldest first."""
        names = [entry.key for entry in work.list(recursive=False) if isinstance(entry, Prefix)]
        numbers = sorted(int(name[:-1]) for name in names if name[:-1].isdecimal())
        return [cls.of(work, number) for number in numbers]

    @classmethod
    def of(cls, work: AssetStore, number: int) -> PlanFolder:
        """Return the folder of a plan."""
        return cls(work.scoped(f"{number:04d}/"), number)

    def name(self, shard: str) -> str:
        """Return the full name of a shard, for example ``0001/000012``."""
        return f"{self.number:04d}/{shard}"

    def plan(self) -> Plan:
        """Return the plan.

        Raises:
            NotFoundError: it is not finished.
        """
        data = self.store.read(PLAN)
        with whole(PLAN):
            record = json.loads(data)
            if record["format"] != FORMAT:
                raise InvalidOptionError("the plan is of another version of assetstore", hint="plan again", key=PLAN)
            return Plan.of_record(record)

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, which makes it a finished one."""
        text = json.dumps(plan.as_record(), indent=1)
        self.store.upload(text.encode(), PLAN, content_type="application/json", overwrite=False)

    def write_manifest(self, shard: str, head: dict[str, Any], items: Sequence[Item]) -> None:
        """Write the manifest of a shard: a line about the plan so far, and a line for each asset."""
        lines = [{**head, "items": len(items)}, *(item.as_record() for item in items)]
        self._write_new(_manifest(shard), packed(lines))

    def head(self, shard: str) -> dict[str, Any]:
        """Return the first line of a manifest: the settings, what was found so far, and how many assets follow."""
        return self._manifest(shard)[0]

    def items(self, shard: str) -> list[Item]:
        """Return the assets of a shard.

        Raises:
            IntegrityError: the manifest is damaged, or lacks some of them.
        """
        return self._manifest(shard)[1]

    def _manifest(self, shard: str) -> tuple[dict[str, Any], list[Item]]:
        key = _manifest(shard)
        data = self.store.read(key)
        with whole(key):
            head, *lines = unpacked(data, key)
            if head["items"] != len(lines) or not {"settings", "tally", "last"} <= head.keys():
                raise ValueError
            return head, [Item.of_record(line) for line in lines]

    def result(self, shard: str) -> ShardRecord | None:
        """Return how a shard ended, or ``None`` while it has not."""
        try:
            data = self.store.read(_result(shard))
        except NotFoundError:
            return None
        return _record(data, _result(shard))

    def results(self, shards: Iterable[str] | None = None) -> Iterator[tuple[str, ShardRecord]]:
        """Yield how shards have ended, in their order; by default all that have."""
        names = (info.key for _, info in self.shards("results")) if shards is None else map(_result, shards)
        with self.store.read_many(names, ordered=True) as found:
            for one in found:
                key = str(one.key)
                yield _shard_of(key), _record(one.result(), key)

    def write_result(self, shard: str, record: ShardRecord) -> bool:
        """Write how a shard ended; return ``False`` if another process has done so before, whose result counts."""
        try:
            self._write_new(_result(shard), packed([attrs.asdict(record)]))
        except AlreadyExistsError:
            return False
        return True

    def shards(self, kind: str) -> Iterator[tuple[str, AssetInfo]]:
        """Yield the shards that have a document of this kind, for example ``results``, and its entry in the listing."""
        for info in self.store.list(f"{kind}/"):
            yield _shard_of(info.key), info

    def now(self, name: str) -> datetime:
        """Return the time by the clock of the store, which is the only one that all processes share.

        Args:
            name: a name that no other process uses at the same time.

        Raises:
            UnsupportedError: the store tells no times.
        """
        key = f"clocks/{name}"
        written = self.store.upload(b"", key, content_type="text/plain")
        modified = written.last_modified or self.store.stat(key).last_modified
        self.store.delete(key)
        if modified is None:
            hint = "use another store for the work folder"
            raise UnsupportedError("the store must tell when an asset was written", hint=hint, store=self.store.name)
        return modified

    def _write_new(self, key: str, data: bytes) -> None:
        self.store.upload(data, key, content_type=_PACKED, overwrite=False)


def _manifest(shard: str) -> str:
    return f"manifests/{shard}.jsonl.gz"


def _result(shard: str) -> str:
    return f"results/{shard}.json.gz"


def _record(data: bytes, key: str) -> ShardRecord:
    with whole(key):
        return ShardRecord.of_record(unpacked(data, key)[0])


def _shard_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def open_work(work: str | AssetStore) -> AssetStore:
    """Return the store of a work folder.

    Raises:
        InvalidOptionError: the address names no store, or holds a secret.
        UnsupportedError: the store cannot write only where nothing is, so that two processes could lease one shard.
    """
    store = opened(named(work, "the work folder", folder=True) or work)
    require_create_only(store, "the store of the work folder")
    return store


def require_create_only(store: AssetStore, what: str) -> None:
    """Refuse a store that cannot write only where nothing is.

    Raises:
        UnsupportedError: it cannot.
    """
    if not store.can("upload.overwrite"):
        problem = f"{what} must be able to write only where nothing is (upload.overwrite)"
        raise UnsupportedError(problem, hint="use another store", op="migrate", store=store.name)


def newest(work: AssetStore) -> tuple[PlanFolder, Plan]:
    """Return the newest plan and its folder.

    Raises:
        NotFoundError: there is none, or it is not finished.
    """
    folders = PlanFolder.all_of(work)
    if not folders:
        hint = "make one by assetstore migrate plan"
        raise NotFoundError("the work folder has no plan", hint=hint, op="migrate", store=work.name)
    try:
        return folders[-1], folders[-1].plan()
    except NotFoundError as error:
        hint = "plan again: that goes on where it ended"
        raise NotFoundError("the plan is not finished", hint=hint, op="migrate", store=work.name) from error
