"""The commands ``list``, ``stat`` and ``read``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import click

from assetstore.cli.completion import complete_keys
from assetstore.cli.selection import Selector, ignore_case_option, marks_folder, matches
from assetstore.cli.session import Session, command, literal_option
from assetstore.cli.streams import data_stream
from assetstore.cli.text import as_record, counted, plain, readable_size, readable_time, shown
from assetstore.content.content_types import guess_content_type
from assetstore.errors import InvalidOptionError
from assetstore.options import TEXT_HEADERS
from assetstore.results import AssetInfo, Prefix
from assetstore.store import AssetStore

_TEXT = frozenset({*range(32, 256), *b"\t\n\r\f\b\x1b"}) - {127, 27}


@command("list",
    examples=(
        "assetstore list",
        "assetstore list -l maps/",
        "assetstore list '**.webp'",
    ),
)
@click.argument("pattern", default="", metavar="[PREFIX|GLOB]", shell_complete=complete_keys)
@click.option("-r", "--recursive", is_flag=True, help="List every asset, instead of one line per folder.")
@click.option("-l", "--long", "detailed", is_flag=True, help="Show sizes and times too.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="List at most N entries.")
@click.option("--start-after", metavar="KEY", help="List only what comes after this key.")
@literal_option
@ignore_case_option
def list_command(
    session: Session,
    pattern: str,
    recursive: bool,
    detailed: bool,
    limit: int | None,
    start_after: str | None,
    literal: bool,
    ignore_case: bool,
) -> None:
    """List assets.

    PREFIX is the beginning of the keys. In a GLOB, * and ? stay between slashes, ** crosses them, {png,jpg} stands for each;
    quote it for the shell. The empty asset that marks a folder is shown by -r and --json, and not in its own folder.
    """
    store = session.open()
    selector = Selector(literal=literal)
    selector.refuse_other_store(store, pattern)
    entries: Iterator[AssetInfo | Prefix]
    is_glob = selector.is_glob(store, pattern)
    if is_glob or (ignore_case and not literal):
        glob = pattern if is_glob else f"{pattern}**"
        found = (info for info in matches(store, glob, ignore_case=ignore_case) if info.key > (start_after or ""))
        entries = itertools.islice(found, limit)
    else:
        entries = store.list(pattern, start_after=start_after, limit=limit, recursive=recursive)
    count = size = 0
    for entry in entries:
        if entry.key == pattern and marks_folder(entry) and not (recursive or session.as_json):
            continue
        _show(session, entry, detailed)
        count += 1
        size += entry.size if isinstance(entry, AssetInfo) else 0
    if count == 0:
        session.talk(f"no asset matches {shown(pattern)}" if pattern else f"{plain(store.name)} is empty")
    elif detailed:
        session.talk(f"{counted(count, 'entry').replace('entrys', 'entries')}, {readable_size(size)}")


def _show(session: Session, entry: AssetInfo | Prefix, detailed: bool) -> None:
    if session.as_json:
        session.record({"prefix": entry.key} if isinstance(entry, Prefix) else with_type(entry))
    elif not detailed:
        session.key(entry.key)
    elif isinstance(entry, Prefix):
        session.line(f"{'-':>10}  {'-':<16}  {shown(entry.key)}")
    else:
        session.line(f"{readable_size(entry.size):>10}  {readable_time(entry.last_modified):<16}  {shown(entry.key)}")


def with_type(info: AssetInfo) -> dict[str, object]:
    """Return an asset's fields as JSON values, with a type guessed from the key, and marked so, if the listing lacks it."""
    guessed = info.content_type is None
    content_type = guess_content_type(info.key) if guessed else info.content_type
    return {**as_record(info), "content_type": content_type, "content_type_guessed": guessed}


@command("stat",
    examples=(
        "assetstore stat maps/keep.webp",
        "assetstore stat --json maps/keep.webp | jq .metadata",
    ),
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
def stat_command(session: Session, keys: tuple[str, ...]) -> None:
    """Show the details of assets."""
    store = session.open()
    for key in keys:
        with session.item("stat", key):
            info = store.stat(key)
            if session.as_json:
                session.record(as_record(info))
            else:
                session.line(("\n" if session.done else "") + described(info))
    session.finish()


def described(info: AssetInfo) -> str:
    """Return the details of an asset as lines of names and values."""
    values: list[tuple[str, str]] = [("key", shown(info.key)), ("size", f"{info.size:,} bytes")]
    if info.size >= 1024:
        values[-1] = ("size", f"{info.size:,} bytes ({readable_size(info.size)})")
    values.append(("last modified", info.last_modified.isoformat(timespec="seconds") if info.last_modified else "-"))
    for name in (*TEXT_HEADERS, "etag", "digest"):
        value = getattr(info, name)
        if value:
            values.append((name.replace("_", " "), plain(value)))
    values += [(f"metadata {plain(name)}", shown(value)) for name, value in sorted((info.metadata or {}).items())]
    width = max(len(name) for name, _ in values)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values)


@command("read",
    examples=(
        "assetstore read notes/today.txt",
        "assetstore read maps/keep.webp --length 12 | xxd",
    ),
)
@click.argument("key", shell_complete=complete_keys)
@click.option("--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Start at byte N, counted from 0.")
@click.option("--length", type=click.IntRange(min=0), metavar="N", help="Write at most N bytes.")
@click.option("-o", "--output", type=click.Choice(["-"]), help="With -, write binary data even to a terminal.")
def read_command(session: Session, key: str, offset: int, length: int | None, output: str | None) -> None:
    """Write an asset to stdout."""
    store = session.open()
    careful = output is None and data_stream().isatty()
    with (
        session.working("reading", None, data_on_stdout=True) as bar,
        store.open(key, offset=offset, length=length) as reader,
    ):
        for chunk in reader.chunks():
            if careful:
                _refuse_binary(store, key, chunk)
            session.raw(chunk)
            bar.advance(len(chunk))
    session.flush()


def _refuse_binary(store: AssetStore, key: str, chunk: bytes) -> None:
    if not _TEXT.issuperset(chunk):
        raise InvalidOptionError(
            "the asset is not text and would garble the terminal",
            hint="use -o - to show it anyway, or assetstore download",
            op="read",
            key=key,
            store=store.name,
        )
