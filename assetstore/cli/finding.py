"""The commands ``find`` and ``du``: which assets there are, and how much they take."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import attrs
import click

from assetstore.cli.browsing import with_type
from assetstore.cli.completion import complete_keys
from assetstore.cli.selection import Selector, ignore_case_option, matches
from assetstore.cli.session import Session, command, literal_option
from assetstore.cli.streams import data_stream
from assetstore.cli.text import counted, plain, readable_size, shown
from assetstore.cli.values import as_bytes, as_time
from assetstore.content.content_types import category_of, guess_content_type
from assetstore.content.sniffing import allows
from assetstore.results import AssetInfo
from assetstore.store import AssetStore


@attrs.frozen(kw_only=True)
class Wanted:
    """Says which assets ``find`` shows; ``None`` asks for nothing.

    Attributes:
        types: media types, for example ``image/*``, of which it must have one.
        larger: bytes that it must exceed.
        smaller: bytes that it must stay below.
        older: how long ago it must have been written, and longer.
        newer: how long ago it may have been written.
    """

    types: tuple[str, ...] = ()
    larger: int | None = None
    smaller: int | None = None
    older: timedelta | None = None
    newer: timedelta | None = None

    def takes(self, info: AssetInfo, now: datetime) -> bool:
        """Return whether size and time fit. A time that the listing does not tell never fits."""
        age = None if info.last_modified is None else now - info.last_modified
        return (
            (self.larger is None or info.size > self.larger)
            and (self.smaller is None or info.size < self.smaller)
            and (self.older is None or (age is not None and age > self.older))
            and (self.newer is None or (age is not None and age < self.newer))
        )


def _media_types(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    for text in value:
        top, slash, rest = text.partition("/")
        if not (top and slash and rest):
            why = f"must be a media type such as image/png or image/*, got {shown(text)}"
            raise click.BadParameter(why, context, parameter)
    return tuple(value)


@command("find",
    examples=(
        "assetstore find --larger 100MB",
        "assetstore find maps/ --type 'image/*' --older 30d",
        "assetstore find --type text/html -0 | xargs -0 assetstore update --cache-control no-cache",
    ),
)
@click.argument("pattern", default="", metavar="[PREFIX|GLOB]", shell_complete=complete_keys)
@click.option(
    "--type", "types", multiple=True, callback=_media_types, metavar="TYPE", help="Of this type, as in image/*; repeatable."
)
@click.option("--larger", callback=as_bytes, metavar="SIZE", help="Larger than this: 512K, 20MiB, 1.5GB.")
@click.option("--smaller", callback=as_bytes, metavar="SIZE", help="Smaller than this.")
@click.option("--older", callback=as_time, metavar="TIME", help="Written longer ago than this: 30m, 12h, 30d, 2w.")
@click.option("--newer", callback=as_time, metavar="TIME", help="Written within this time.")
@click.option("--stat", "asks", is_flag=True, help="Ask the store for types that it does not list: one request each.")
@click.option("-0", "--null", is_flag=True, help="End each key by a zero byte and not by a line feed, for xargs -0.")
@literal_option
@ignore_case_option
def find_command(
    session: Session, pattern: str, asks: bool, null: bool, literal: bool, ignore_case: bool, **wanted: object
) -> None:
    """Find assets by type, size and age.

    Everything that is given must hold. PREFIX is the beginning of the keys, GLOB is as for list. Where the store's listing
    does not tell the type, as those of R2, S3 and folders, --type goes by the key's suffix, unless --stat is given.
    """
    if null and session.as_json:
        raise click.UsageError("--null and --json cannot be used together")
    store = session.open()
    filters = Wanted(**wanted)  # type: ignore[arg-type]  # the options are named after its fields
    now = datetime.now(UTC)
    found = guessed = 0
    for info in listed(store, pattern, literal=literal, ignore_case=ignore_case):
        if not filters.takes(info, now):
            continue
        with session.item("find", info.key):
            known = store.stat(info.key) if asks and info.valid and info.content_type is None else info
            guessed += known.content_type is None
            if not allows(filters.types, type_of(known)):
                continue
            found += 1
            _show(session, known, null)
    session.flush()
    if filters.types and guessed:
        session.talk(f"{counted(guessed, 'type')} went by the suffix of the key; --stat asks the store")
    if not found:
        session.talk("no asset is like this")
    session.finish()


def _show(session: Session, info: AssetInfo, null: bool) -> None:
    if session.as_json:
        session.record(with_type(info))
    elif null:
        session.raw(info.key.encode(errors="surrogateescape") + b"\0")
    else:
        session.key(info.key)


def listed(store: AssetStore, pattern: str, *, literal: bool, ignore_case: bool = False) -> Iterator[AssetInfo]:
    """Yield the assets that a glob matches or whose keys begin with a prefix, as ``list -r`` does."""
    selector = Selector(literal=literal)
    selector.refuse_other_store(store, pattern)
    if selector.is_glob(store, pattern):
        return matches(store, pattern, ignore_case=ignore_case)
    return matches(store, f"{pattern}**", ignore_case=True) if ignore_case and not literal else store.list(pattern)


def type_of(info: AssetInfo) -> str:
    """Return an asset's type; the one of the key's suffix if the listing does not tell it."""
    return info.content_type or guess_content_type(info.key)


@attrs.define
class Total:
    """Sums up assets.

    Attributes:
        assets: how many.
        bytes: their sizes.
    """

    assets: int = 0
    bytes: int = 0

    def add(self, info: AssetInfo) -> None:
        """Count an asset."""
        self.assets += 1
        self.bytes += info.size


@command("du",
    examples=(
        "assetstore du",
        "assetstore du maps/ --depth 2",
        "assetstore du --by type --json",
    ),
)
@click.argument("pattern", default="", metavar="[PREFIX|GLOB]", shell_complete=complete_keys)
@click.option(
    "--by", type=click.Choice(["folder", "category", "type"]), default="folder", show_default=True, help="What gets a line."
)
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="How many folders deep, from the one that PREFIX names; 0 shows only the total.",
)
@literal_option
@ignore_case_option
def du_command(session: Session, pattern: str, by: str, depth: int, literal: bool, ignore_case: bool) -> None:
    """Sum up bytes and assets by folder, category or type.

    A folder counts with everything in it. The largest comes first, the total last. If stdout is not a terminal, sizes are in
    bytes. Where the store's listing does not tell the type, it is guessed from the key's suffix.
    """
    store = session.open()
    top = re.split(r"[*?\[{]", pattern)[0].count("/")
    totals: defaultdict[str, Total] = defaultdict(Total)
    whole = Total()
    guessed = 0
    for info in listed(store, pattern, literal=literal, ignore_case=ignore_case):
        whole.add(info)
        guessed += info.content_type is None
        for name in _folders(info.key, top, depth) if by == "folder" else [_kind(info, by)]:
            totals[name].add(info)
    _print(session, by, totals, whole)
    if by != "folder" and guessed:
        session.talk(f"{counted(guessed, 'type')} went by the suffix of the key: the store's listing does not tell it")
    if not whole.assets:
        session.talk(f"no asset matches {shown(pattern)}" if pattern else f"{plain(store.name)} is empty")


def _folders(key: str, top: int, depth: int) -> list[str]:
    """Return the folders that a key is in, at most ``depth`` below the first ``top`` ones."""
    parts = key.split("/")[:-1]
    return ["/".join(parts[:end]) + "/" for end in range(top + 1, min(len(parts), top + depth) + 1)]


def _kind(info: AssetInfo, by: str) -> str:
    return type_of(info) if by == "type" else category_of(type_of(info))


def _print(session: Session, by: str, totals: dict[str, Total], whole: Total) -> None:
    rows = [*sorted(totals.items(), key=lambda row: (-row[1].bytes, row[0])), ("", whole)]
    if session.as_json:
        for name, total in rows:
            session.record({**({by: name} if name else {"total": True}), "assets": total.assets, "bytes": total.bytes})
        return
    size: Callable[[int], str] = readable_size if data_stream().isatty() else str
    table = [[size(total.bytes), str(total.assets), shown(name) if name else "total"] for name, total in rows]
    session.table([">size", ">assets", by], table)
