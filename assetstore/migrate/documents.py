"""The documents of a migration: the plan, the shards' manifests and results; and how each is written.

They are JSON, so that other programs can read them, and packed where they are long. What is written twice is the same bytes.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from assetstore.errors import AssetStoreError, IntegrityError
from assetstore.results import AssetInfo

FORMAT = 1
"""The version of the documents; another one is refused."""
SHARD_KEYS = 10_000
"""The most keys of a shard."""
SHARD_BYTES = 10_000_000_000
"""A shard that has so many bytes gets no more keys, so that large assets make no shard that takes hours."""
LEASE_SECONDS = 60
"""How long a shard stays leased after the last sign of life, unless the plan says another time."""
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # json.dumps makes one for each line


@attrs.frozen(kw_only=True)
class Item:
    """One asset that a plan wants at the destination.

    Attributes:
        key: its key, relative to source and destination.
        size: its bytes.
        etag: the version that was planned; the copy takes no other.
        digest: its digest, if the listing knew one.
        modified: when it was written at the source.
        replaces: the ETag of what the destination has under the key; empty where that has none, ``None`` for nothing.
        problem: why it is not copied, or ``None``.
        kept: whether that is because the destination is newer; otherwise the destination cannot hold it.
        headers: whether the bytes are there already, and headers alone may differ.
    """

    key: str
    size: int
    etag: str | None = None
    digest: str | None = None
    modified: datetime | None = None
    replaces: str | None = None
    problem: str | None = None
    kept: bool = False
    headers: bool = False

    def as_record(self) -> dict[str, Any]:
        """Return what is known, for JSON."""
        record = {"key": self.key, "size": self.size, "etag": self.etag, "digest": self.digest, "replaces": self.replaces}
        record |= {"problem": self.problem, "kept": self.kept or None, "headers": self.headers or None}
        record["modified"] = None if self.modified is None else self.modified.isoformat()
        return {name: value for name, value in record.items() if value is not None}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Item:
        """Return the item that ``as_record`` described."""
        modified = record.get("modified")
        return cls(**{**record, "modified": None if modified is None else datetime.fromisoformat(modified)})

    def as_info(self) -> AssetInfo:
        """Return the asset as the source listed it."""
        return AssetInfo(
            key=self.key, size=self.size, etag=self.etag, digest=self.digest, last_modified=self.modified
        )


@attrs.frozen(kw_only=True)
class Tally:
    """What a walk over both sides has found.

    Attributes:
        objects: assets to copy.
        bytes: their bytes.
        large: how many of them are sent in parts.
        parts: how many parts these have.
        headers: assets whose bytes are at the destination already, but which were written at the source since: their
            headers may differ.
        equal: assets that are at the destination already.
        newer: assets that differ and are newer at the destination, so they are not overwritten.
        refused: assets that the destination cannot hold.
        extra: assets that are at the destination alone.
    """

    objects: int = 0
    bytes: int = 0
    large: int = 0
    parts: int = 0
    headers: int = 0
    equal: int = 0
    newer: int = 0
    refused: int = 0
    extra: int = 0

    @property
    def planned(self) -> int:
        """How many assets the shards have, those that are not copied among them."""
        return self.objects + self.headers + self.newer + self.refused


@attrs.frozen(kw_only=True)
class Plan:
    """A finished plan.

    Attributes:
        number: its number in the work folder, from 1; a later plan holds what was left or has changed since.
        source: the address of the source; ``None`` for a live object, which ``run`` must get again.
        destination: the address of the destination, or ``None``.
        folder: the relative paths of addresses start here.
        source_name: how messages name the source.
        destination_name: how messages name the destination.
        shards: how many shards there are.
        tally: what was found.
        refusals: the first keys that the destination cannot hold, and why.
        lease_seconds: how long a shard stays leased after the last sign of life of its process.
        requests: about how many requests a run sends to source, destination and work folder, by class;
            empty where no prices are known.
        dollars: what they cost, and the bytes that the source sends; ``None`` where no prices are known.
        hours: how long a run takes at the rates that were given.
    """

    number: int
    source: str | None
    destination: str | None
    folder: str
    source_name: str
    destination_name: str
    shards: int
    tally: Tally
    refusals: tuple[tuple[str, str], ...] = ()
    lease_seconds: float = LEASE_SECONDS
    requests: Mapping[str, int] = attrs.field(factory=dict)
    dollars: float | None = None
    hours: float = 0.0

    def as_record(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"format": FORMAT, **attrs.asdict(self)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Plan:
        """Return the plan that ``as_record`` described."""
        values = {name: value for name, value in record.items() if name != "format"}
        refusals = tuple((key, why) for key, why in values.pop("refusals"))
        return cls(**{**values, "tally": Tally(**values["tally"]), "refusals": refusals})


@attrs.frozen(kw_only=True)
class FailedAsset:
    """An asset that was not copied.

    Attributes:
        key: its key, relative to source and destination.
        store: the store that failed, if the error names one.
        error: the class of the error.
        message: why, without secrets.
    """

    key: str
    store: str | None
    error: str
    message: str


@attrs.frozen(kw_only=True)
class ShardRecord:
    """What became of a shard, as its process has written it.

    Attributes:
        owner: the process.
        copied: assets that were copied.
        present: assets that an interrupted run had copied.
        bytes: bytes that were copied.
        seconds: how long it took.
        failed: the assets that were not copied, sorted.
    """

    owner: str
    copied: int
    present: int
    bytes: int
    seconds: float
    failed: tuple[FailedAsset, ...] = ()

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> ShardRecord:
        """Return the record of its JSON form."""
        return cls(**{**record, "failed": tuple(FailedAsset(**one) for one in record["failed"])})


def shard_names(plan: Plan) -> list[str]:
    """Return the names of a plan's shards, in the order of their keys."""
    return [f"{number:06d}" for number in range(plan.shards)]


def packed(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Return JSON lines, packed; equal lines give equal bytes."""
    text = "".join(f"{_ENCODER.encode(line)}\n" for line in lines)
    return gzip.compress(text.encode(), compresslevel=4, mtime=0)


def unpacked(data: bytes, key: str) -> list[dict[str, Any]]:
    """Return the JSON lines of a document.

    Raises:
        IntegrityError: the document is damaged, or has no line, as what was cut off before its first byte.
    """
    with whole(key):
        lines = [json.loads(line) for line in gzip.decompress(data).decode().splitlines()]
        if not lines or not all(isinstance(line, dict) for line in lines):
            raise ValueError
        return lines


@contextlib.contextmanager
def whole(key: str) -> Iterator[None]:
    """Make the error of a damaged document of whatever goes wrong when it is read."""
    try:
        yield
    except AssetStoreError:  # some of them are ValueErrors too
        raise
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zlib.error) as error:
        raise damaged(key) from error


def damaged(key: str) -> IntegrityError:
    """Return the error for a document that is not what a migration wrote."""
    return IntegrityError("the document of the migration is damaged", hint="plan again in another work folder", key=key)
