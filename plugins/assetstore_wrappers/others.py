"""What another store gives, as the hooks of a wrapper return it."""

from __future__ import annotations

from assetstore import AssetStore
from assetstore.plugin import AssetStream, CheckOptions, CheckReport, Hooks, ListOptions, ListPage, OtherStore, ReadOptions


def read_from(store: AssetStore, key: str, options: ReadOptions) -> AssetStream:
    """Open an asset of another store, or a range of it."""
    reader = store.open(key, offset=options.offset, length=options.length, if_match=options.if_match)
    left = max(0, reader.info.size - options.offset)
    return AssetStream(info=reader.info, body=reader, length=left if options.length is None else min(left, options.length))


def page_from(store: AssetStore, prefix: str, options: ListOptions) -> ListPage:
    """Return one page of another store's listing."""
    return store.list_page(
        prefix,
        cursor=options.cursor,
        limit=options.limit,
        recursive=options.recursive,
        start_after=options.start_after,
    )


def check_both(inner: Hooks, other: OtherStore, options: CheckOptions) -> CheckReport:
    """Examine the layer below, then the other store."""
    report = inner.assetstore_check(options=options)
    return CheckReport(steps=(*(report.steps if report else ()), *other.get().check().steps))
