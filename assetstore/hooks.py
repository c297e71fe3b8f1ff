"""The contract between the core and its plugins: each operation of a store is a hook.

A backend implements the required operations and the optional ones that it supports. A naming plugin implements
``assetstore_name``, an observer ``assetstore_event``. The store calls hooks by keyword, with valid and normalised keys, and
checks the results. Plugins raise the classes of ``assetstore.errors``; the store fills in operation, key and store. New
facts become new fields of ``options`` and results, with defaults, so signatures never change.

Backends and wrappers declare in ``supports`` the option fields that they honour, for example ``"upload.if_match"``. The
store refuses any other field with UnsupportedError before it sends anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy

from assetstore.content.source import Source
from assetstore.direct.signing_keys import SigningKeys
from assetstore.options import (
    ApplicationOptions,
    BeginPartsOptions,
    CheckOptions,
    CollectOptions,
    ContainerOptions,
    CopyOptions,
    DeleteOptions,
    DownloadOptions,
    EndPartsOptions,
    ListOptions,
    NameOptions,
    NewAsset,
    PartsOptions,
    PathOptions,
    PresignOptions,
    ReadOptions,
    SigningKeysOptions,
    StatOptions,
    StatsOptions,
    UploadManyOptions,
    UploadOptions,
    UrlOptions,
)
from assetstore.results import (
    AssetInfo,
    AssetStream,
    CheckReport,
    CollectReport,
    Container,
    DeleteReport,
    Event,
    ListPage,
    PresignedRequest,
    ProposedKey,
    UploadedPart,
)

PROJECT = "assetstore"

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)

REQUIRED = ("upload", "read", "stat", "list", "delete")
OPTIONAL = (
    *("download", "copy", "presign", "presign_many", "url", "check"),
    *("begin_parts", "list_parts", "end_parts", "application", "upload_many", "collect", "path", "container"),
)


class Hooks:
    """All hooks. Each is named ``assetstore_`` and the operation."""

    @hookspec(firstresult=True)
    def assetstore_upload(self, key: str, source: Source, options: UploadOptions) -> AssetInfo | None:
        """Write the bytes of ``source`` under ``key``, whole or not at all.

        Called by ``AssetStore.upload``, by ``writer``, and where a backend has no ``copy``.

        Given: ``key`` is valid and in NFC; ``source`` can be read at least once; ``options.content_type`` is set.

        Must: read the source to its end, as ``source.chunks()`` does, because a change is only detected there; keep the
        old asset until the new one is complete, and for good when anything raises; with ``overwrite=False`` raise
        AlreadyExistsError when the key is taken; with ``if_match`` raise PreconditionError when the stored ETag differs or
        there is no asset; decide both atomically with the write; let errors of the source pass.

        Returns the stored asset, with ``etag`` when the backend has ETags. Required: ``None`` breaks the contract.

        Example::

            class Backend:
                def __init__(self):
                    self.assets = {}

                @hookimpl
                def assetstore_upload(self, key, source, options):
                    self.assets[key] = b"".join(source.chunks())
                    return AssetInfo(key=key, size=len(self.assets[key]), content_type=options.content_type)
        """

    @hookspec(firstresult=True)
    def assetstore_read(self, key: str, options: ReadOptions) -> AssetStream | None:
        """Open the asset, or the range of its bytes that ``options`` names.

        Called by ``AssetStore.read`` and ``open``, and by ``download``, ``copy`` and ``move`` where the backend does not
        implement those.

        Given: ``key`` is valid and in NFC; ``options.offset`` and ``options.length`` are not negative.

        Must: raise NotFoundError when there is no such asset, PreconditionError when its ETag is not ``if_match``; clamp
        a range that goes past the end, if need be to nothing; return the bytes of one version, never a mixture.

        Returns an AssetStream whose ``info`` describes the whole asset and whose ``length`` is that of the range; the store
        closes its body. Required: ``None`` breaks the contract.

        Example::

            class Backend:
                assets = {"a": b"abc"}

                @hookimpl
                def assetstore_read(self, key, options):
                    data = self.assets[key]
                    end = None if options.length is None else options.offset + options.length
                    part = data[options.offset : end]
                    return AssetStream(info=AssetInfo(key=key, size=len(data)), body=io.BytesIO(part), length=len(part))
        """

    @hookspec(firstresult=True)
    def assetstore_stat(self, key: str, options: StatOptions) -> AssetInfo | None:
        """Describe one asset without reading its bytes.

        Called by ``AssetStore.stat`` and ``exists``, and before a generated key is reused.

        Given: ``key`` is valid and in NFC.

        Must: raise NotFoundError when there is no such asset, StoreNotFoundError when the store itself is missing.

        Returns an AssetInfo with every field that the backend knows. Required: ``None`` breaks the contract.

        Example::

            class Backend:
                assets = {"a": b"abc"}

                @hookimpl
                def assetstore_stat(self, key, options):
                    if key not in self.assets:
                        raise NotFoundError("there is no such asset")
                    return AssetInfo(key=key, size=len(self.assets[key]))
        """

    @hookspec(firstresult=True)
    def assetstore_list(self, prefix: str, options: ListOptions) -> ListPage | None:
        """List one page of the assets whose keys begin with ``prefix``.

        Called by ``AssetStore.list`` for each page and by ``list_page``.

        Given: ``prefix`` is empty or begins a valid key; ``options.limit`` is at least 1; this backend returned
        ``options.cursor`` for the same prefix.

        Must: list each key once, in the order of the keys' UTF-8 bytes; leave out keys up to and including ``start_after``;
        with ``recursive=False`` fold the keys that have a ``/`` after the prefix into prefixes that end with that ``/``,
        merged into the same order for paging; continue after the last entry when assets came or went in between; list a key
        that breaks the rules with ``valid=False``; return at most ``options.limit`` entries, prefixes included.

        Returns a ListPage whose ``next_cursor`` is ``None`` on the last page. Required: ``None`` breaks the contract.

        Example::

            class Backend:
                assets = {"a": b"abc", "b": b""}

                @hookimpl
                def assetstore_list(self, prefix, options):
                    after = options.cursor or options.start_after or ""
                    keys = sorted(key for key in self.assets if key.startswith(prefix) and key > after)
                    page = tuple(AssetInfo(key=key, size=len(self.assets[key])) for key in keys[: options.limit])
                    return ListPage(items=page, next_cursor=page[-1].key if len(keys) > options.limit else None)
        """

    @hookspec(firstresult=True)
    def assetstore_delete(self, keys: Sequence[str], options: DeleteOptions) -> DeleteReport | None:
        """Delete assets.

        Called by ``AssetStore.delete`` with one key, by ``delete_many`` with up to 1,000, and by ``move``.

        Given: ``keys`` are valid, in NFC and distinct, unless ``options.foreign``; there are 1 to 1,000.

        Must: count a key that has no asset as deleted; continue after a failure and report it for its key; raise only
        errors that concern all keys; with ``options.foreign`` delete keys exactly as a listing returned them.

        Returns a DeleteReport that names every key once. Required: ``None`` breaks the contract.

        Example::

            class Backend:
                assets = {"a": b"abc"}

                @hookimpl
                def assetstore_delete(self, keys, options):
                    for key in keys:
                        self.assets.pop(key, None)
                    return DeleteReport(deleted=tuple(keys))
        """

    @hookspec(firstresult=True)
    def assetstore_download(self, key: str, path: Path, options: DownloadOptions) -> AssetInfo | None:
        """Write the asset to an empty file, in any order and over any number of connections.

        Called by ``AssetStore.download``; without it the store reads the asset from start to end.

        Given: ``key`` is valid and in NFC; ``path`` is an empty file that the store created and will rename or remove.

        Must: write one version whole and verify its size, and its digest when one is known; raise NotFoundError when there
        is no such asset; call ``options.progress`` with the bytes received since the last call, if it supports
        ``download.progress``.

        Returns the asset that was written. ``None`` means that the backend cannot download this asset.

        Example::

            class Backend:
                assets = {"a": b"abc"}

                @hookimpl
                def assetstore_download(self, key, path, options):
                    return AssetInfo(key=key, size=path.write_bytes(self.assets[key]))
        """

    @hookspec(firstresult=True)
    def assetstore_copy(self, source: str, destination: str, options: CopyOptions) -> AssetInfo | None:
        """Copy an asset inside the store without moving its bytes through this machine.

        Called by ``AssetStore.copy``, ``move`` and ``update`` (source and destination are then the same), and by
        ``assetstore.sync.copy_between``, with ``options.container`` where the source lies in another place of the service;
        without it the store reads and uploads.

        Given: both keys are valid and in NFC; a backend gets ``options.container`` only if it implements
        ``assetstore_container``, and both places have the same service and account.

        Must: keep headers and metadata except those that ``options`` sets; raise NotFoundError when the source is missing,
        PreconditionError when its ETag is not ``if_match``, AlreadyExistsError for ``overwrite=False`` when the destination
        is taken; leave the old destination as it was when anything raises.

        Returns the asset at the destination. ``None`` means that the backend cannot make this copy.

        Example::

            class Backend:
                assets = {"a": b"abc"}

                @hookimpl
                def assetstore_copy(self, source, destination, options):
                    self.assets[destination] = self.assets[source]
                    return AssetInfo(key=destination, size=len(self.assets[destination]))
        """

    @hookspec(firstresult=True)
    def assetstore_presign(self, key: str, options: PresignOptions) -> PresignedRequest | None:
        """Sign a request that its holder may send straight to the backend until it expires.

        Called by ``AssetStore.presign``, which raises UnsupportedError without it.

        Given: ``key`` is valid and in NFC, and need not exist; ``options.expires`` is between 1 and 604,800 seconds.

        Must: make no request; bind the method, the key and every option; take the times from ``options.span``, so that one
        window has one URL; put ``options.bound_headers()`` into the result and refuse an upload that sends other values;
        answer a GET with ``options.answered_headers()``.

        Returns the request. ``None`` means that the backend cannot sign.

        Example::

            class Backend:
                @hookimpl
                def assetstore_presign(self, key, options):
                    end = datetime.now(UTC) + timedelta(seconds=options.expires)
                    url = f"https://cdn.example/{quote(key)}?signature=0000"
                    return PresignedRequest(url=url, method=options.method, expires_at=end)
        """

    @hookspec(firstresult=True)
    def assetstore_presign_many(self, keys: Sequence[str], options: PresignOptions) -> Sequence[PresignedRequest] | None:
        """Sign requests for many keys that share all else; implement it where that is faster than one by one.

        Called by ``AssetStore.presign_many``. Without it, and where it raises, the store calls ``assetstore_presign`` for
        each key.

        Given: there are one or more keys, valid and in NFC, some perhaps twice; ``options`` are such as the backend supports
        for ``presign``.

        Must: return for each key what ``assetstore_presign`` would return.

        Returns the requests in the order of the keys. ``None`` means that the backend cannot sign many at once.

        Example::

            class Backend:
                @hookimpl
                def assetstore_presign_many(self, keys, options):
                    end = datetime.now(UTC) + timedelta(seconds=options.expires)
                    urls = [f"https://cdn.example/{quote(key)}?signature=0000" for key in keys]
                    return [PresignedRequest(url=url, method=options.method, expires_at=end) for url in urls]
        """

    @hookspec(firstresult=True)
    def assetstore_url(self, key: str, options: UrlOptions) -> str | None:
        """Return the public URL of an asset.

        Called by ``AssetStore.url``, which raises UnsupportedError without it, and by ``can("url")`` for any key.

        Given: ``key`` is valid and in NFC, and need not exist.

        Must: quote the key; make no request.

        Returns the URL. ``None`` means that the store has no public URLs.

        Example::

            class Backend:
                @hookimpl
                def assetstore_url(self, key, options):
                    return f"https://cdn.example/{quote(key)}"
        """

    @hookspec(firstresult=True)
    def assetstore_path(self, key: str, options: PathOptions) -> Path | None:
        """Return the file that the backend keeps an asset in.

        Called by ``AssetStore.path``, which raises UnsupportedError without it; by ``as_local``, which makes a copy without
        it; and by ``can("path")`` for any key.

        Given: ``key`` is valid and in NFC.

        Must: raise NotFoundError when there is no such asset; return an absolute path at which the asset's bytes stand,
        as ``assetstore_read`` gives them, in a regular file that no link leads to.

        Returns the path. ``None`` means that the store has no files.

        Example::

            class Backend:
                assets = {"a": Path("/srv/assets/a")}

                @hookimpl
                def assetstore_path(self, key, options):
                    return self.assets[key]
        """

    @hookspec(firstresult=True)
    def assetstore_container(self, options: ContainerOptions) -> Container | None:
        """Say which place of which service holds the assets, so that two stores know what they share.

        Called by ``assetstore.sync`` and ``assetstore.migrate`` for both stores: to let the service copy, and to refuse an
        asset as its own destination, or sides that overlap; and when a store is made whose wrapper uses another store, which
        must not share assets with it. A wrapper that changes keys, bytes or headers must not pass it on, because
        the service's copies go past it; the store still asks the backend itself whether two stores are one.

        Given: nothing.

        Must: send nothing; name the same service and place for every store that holds these assets, whatever its own name
        and credentials are; reveal no secret.

        Returns the place. ``None`` means that no other store can share it.

        Example::

            class Backend:
                @hookimpl
                def assetstore_container(self, options):
                    return Container(service="https://s3.example", account="a mark of the access key", name="bucket")
        """

    @hookspec(firstresult=True)
    def assetstore_begin_parts(self, key: str, options: BeginPartsOptions) -> str | None:
        """Begin an upload whose parts others send by requests that ``assetstore_presign`` signs with ``part``.

        Called by ``AssetStore.begin_upload`` with ``part_size``, which raises UnsupportedError without it.

        Given: ``key`` is valid and in NFC; ``options.overwrite`` is true and ``options.if_match`` is ``None``.

        Must: keep the headers and metadata until the parts are joined; show nothing under the key before that.

        Returns the id of the upload, which every later step needs. ``None`` means that the backend has no such uploads.

        Example::

            class Backend:
                def __init__(self):
                    self.uploads = {}

                @hookimpl
                def assetstore_begin_parts(self, key, options):
                    self.uploads["upload-1"] = {}
                    return "upload-1"
        """

    @hookspec(firstresult=True)
    def assetstore_list_parts(self, key: str, options: PartsOptions) -> Sequence[UploadedPart] | None:
        """List the parts that the backend has received.

        Called by ``AssetStore.list_parts`` and ``finish_upload``.

        Given: ``assetstore_begin_parts`` returned ``options.upload_id`` for this key.

        Must: list all parts in the order of their numbers; raise NotFoundError when the upload no longer exists.

        Returns the parts with their sizes. ``None`` means that the backend cannot list them.

        Example::

            class Backend:
                uploads = {"upload-1": {1: b"abc"}}

                @hookimpl
                def assetstore_list_parts(self, key, options):
                    parts = self.uploads[options.upload_id]
                    return [UploadedPart(number=number, etag="e", size=len(data)) for number, data in parts.items()]
        """

    @hookspec(firstresult=True)
    def assetstore_end_parts(self, key: str, options: EndPartsOptions) -> AssetInfo | None:
        """Join the parts into the asset, or drop them.

        Called by ``AssetStore.finish_upload`` and ``cancel_upload``.

        Given: ``assetstore_begin_parts`` returned ``options.upload_id`` for this key; ``options.parts`` is in order.

        Must: make the asset whole or not at all; raise NotFoundError when the upload no longer exists, and IntegrityError
        when a part differs from ``options.parts``; without ``parts`` drop everything, also when called again.

        Returns the stored asset, or an ``AssetInfo`` of size 0 after dropping the upload. ``None`` means that the backend
        has no such uploads.

        Example::

            class Backend:
                uploads = {"upload-1": {1: b"abc"}}
                assets = {}

                @hookimpl
                def assetstore_end_parts(self, key, options):
                    parts = self.uploads.pop(options.upload_id, {})
                    if options.parts is None:
                        return AssetInfo(key=key, size=0)
                    self.assets[key] = b"".join(parts[part.number] for part in options.parts)
                    return AssetInfo(key=key, size=len(self.assets[key]))
        """

    @hookspec(firstresult=True)
    def assetstore_application(self, options: ApplicationOptions) -> Any | None:
        """Make the web application that answers the requests that ``assetstore_presign`` signs.

        Called by ``AssetStore.application``, by the command ``serve``, and by a plugin's own ``asgi`` and ``wsgi``.

        Given: nothing.

        Must: refuse requests that are not signed; never read or write anything that the signature does not name.

        Returns an ASGI or WSGI application. ``None`` means that the signed requests go elsewhere, to the vendor's servers.

        Example::

            class Backend:
                @hookimpl
                def assetstore_application(self, options):
                    async def application(scope, receive, send):
                        await send({"type": "http.response.start", "status": 403, "headers": []})
                        await send({"type": "http.response.body"})

                    return application
        """

    @hookspec(firstresult=True)
    def assetstore_upload_many(
        self, items: Sequence[NewAsset], options: UploadManyOptions
    ) -> Sequence[AssetInfo | Exception | None] | None:
        """Write several assets for less than one by one costs, for example because they share flushes of a disk.

        Called by ``AssetStore.upload_many``, from several threads at once; without it the store calls ``assetstore_upload``
        for each asset in a pool of threads. A backend for which a batch costs as much as its assets leaves it out.

        Given: there are 1 to 256 items, and their keys are distinct; of each, key, source and options are as
        ``assetstore_upload`` gets them.

        Must: do for each item what ``assetstore_upload`` must do; after the failure of one go on with the others, and put
        its exception in the place of its result; return when all are as durable as one by one; raise only what concerns
        every item; write at most ``options.max_concurrency`` at once, if it supports ``upload_many.max_concurrency``.

        Returns the stored asset or the exception of each item, in the order of ``items``; ``None`` in the place of an item
        that is better written alone, whose source was not read: the store then uploads it. ``None`` for all means that the
        backend cannot write these as a batch, and is not asked again by this call.

        Example::

            class Backend:
                def __init__(self):
                    self.assets = {}

                @hookimpl
                def assetstore_upload_many(self, items, options):
                    return [self.stored(item) for item in items]

                def stored(self, item):
                    try:
                        self.assets[item.key] = b"".join(item.source.chunks())
                        return AssetInfo(key=item.key, size=len(self.assets[item.key]))
                    except Exception as error:
                        return error
        """

    @hookspec(firstresult=True)
    def assetstore_check(self, options: CheckOptions) -> CheckReport | None:
        """Examine the backend's own settings and its connection.

        Called by ``AssetStore.check``, and by the command ``doctor`` before it writes anything.

        Given: nothing.

        Must: change nothing; report a failure as a step instead of raising; reveal no secret.

        Returns a report of the steps. ``None`` means that there is nothing to examine.

        Example::

            class Backend:
                @hookimpl
                def assetstore_check(self, options):
                    return CheckReport(steps=(CheckStep(name="memory", ok=True, detail="always there"),))
        """

    @hookspec(firstresult=True)
    def assetstore_collect(self, options: CollectOptions) -> CollectReport | None:
        """Find what interrupted work left behind outside of all assets, and remove it if wanted.

        Called by ``AssetStore.collect`` and the command ``gc``; the store itself finds what direct uploads left in
        ``pending/``. A backend whose writes cannot leave anything has no such hook.

        Given: ``options.older_than`` is at least 3,600 seconds.

        Must: never touch an asset, nor what is younger than ``options.older_than`` or what a writer in any process still
        uses; change nothing without ``options.remove`` and ``options.repair``; with a ``prefix`` name only what provably
        belongs to keys that begin with it; report a failure with its leftover and continue.

        Returns a report of the leftovers that are old enough, and the present by the clock that gives assets their times if
        that is another machine's. ``None`` means that there is nothing to look for.

        Example::

            class Backend:
                uploads = {"upload-1": datetime(2026, 1, 1, tzinfo=UTC)}

                @hookimpl
                def assetstore_collect(self, options):
                    found = []
                    for name, begun in list(self.uploads.items()):
                        if options.are_met(begun):
                            removed = options.remove and self.uploads.pop(name) is not None
                            found.append(Leftover(kind="upload in parts", name=name, modified=begun, removed=removed))
                    return CollectReport(items=tuple(found))
        """

    @hookspec(firstresult=True)
    def assetstore_name(self, filename: str, options: NameOptions) -> ProposedKey | None:
        """Propose a key for an upload without one.

        Called by ``AssetStore.upload``, ``begin_upload`` and ``generate_key``; again, with ``options.attempt`` one higher,
        after a clash for which the last proposal asked for ``remake``.

        Given: ``filename`` is the last part of the name that the caller gave or the file has. It may be empty or not fit for
        a key.

        Must: propose a valid key; read the bytes only through ``options.digest()``.

        Returns the proposal. ``None`` passes to the next naming plugin.

        Example::

            class Naming:
                @hookimpl
                def assetstore_name(self, filename, options):
                    return ProposedKey(key=f"{options.category}/{filename}", on_clash="fail")
        """

    @hookspec(firstresult=True)
    def assetstore_signing_keys(self, options: SigningKeysOptions) -> SigningKeys | None:
        """Return the keys that sign the tokens of direct uploads.

        Called by ``AssetStore.begin_upload``, ``finish_upload`` and the other methods that take a token. The store asks the
        plugins first, then the wrappers, then the backend.

        Given: nothing.

        Must: return the same keys on every server that opens this store.

        Returns the keys. ``None`` passes to the next plugin.

        Example::

            class Keys:
                @hookimpl
                def assetstore_signing_keys(self, options):
                    return SigningKeys.of([os.environ["SIGNING_KEY"]])
        """

    @hookspec
    def assetstore_event(self, event: Event) -> None:
        """Take note of one finished operation.

        Called once for each operation, for streams when the reader is closed, on the thread that ran it.

        Given: ``event`` holds no secret and no signed URL.

        Must: be quick and thread-safe. The store logs an exception and ignores it.

        Returns nothing; ``None`` is what the store expects.

        Example::

            class Observer:
                @hookimpl
                def assetstore_event(self, event):
                    print(event.op, event.key, event.outcome)
        """

    @hookspec(firstresult=True)
    def assetstore_stats(self, options: StatsOptions) -> Mapping[str, Mapping[str, float]] | None:
        """Sum up the events.

        Called by ``AssetStore.stats``, which raises UnsupportedError without it.

        Given: nothing.

        Must: count every event that was delivered before the call.

        Returns ``{"uploads": {"count", "bytes", "errors", "seconds"}, "downloads": …, …}``. ``None`` passes to the
        next plugin.

        Example::

            class Stats:
                @hookimpl
                def assetstore_stats(self, options):
                    return {"uploads": {"count": 0, "bytes": 0, "errors": 0, "seconds": 0.0}}
        """

    @hookspec
    def assetstore_reset_stats(self, options: StatsOptions) -> None:
        """Set all counters to zero.

        Called by ``AssetStore.reset_stats``.

        Given: nothing.

        Must: count every event that is delivered afterwards.

        Returns nothing; ``None`` is what the store expects.

        Example::

            class Stats:
                @hookimpl
                def assetstore_reset_stats(self, options):
                    self.count = 0
        """

    @hookspec
    def assetstore_commands(self) -> Sequence[Any] | None:
        """Offer commands for the command line.

        Called by the CLI when a command is not its own, and when it lists the commands of a store.

        Given: click is installed; ``click.Context.obj`` is the open store when a command runs.

        Must: import click inside the hook, so that a store without a CLI never loads it; give each command a name that
        begins with the plugin's, since the command line's own commands go first and may grow in number.

        Returns click commands. ``None`` offers none.

        Example::

            class Gallery:
                @hookimpl
                def assetstore_commands(self):
                    import click

                    return [click.Command("gallery", callback=lambda: click.echo("a page of pictures"))]
        """

    @hookspec
    def assetstore_close(self) -> None:
        """Release connections, files and threads.

        Called once by ``AssetStore.close`` on every plugin, the outermost wrapper first and the backend last.

        Given: no other hook is called afterwards.

        Must: write out what is still in memory. The store logs an exception and closes the other plugins all the same.

        Returns nothing; ``None`` is what the store expects.

        Example::

            class Backend:
                @hookimpl
                def assetstore_close(self):
                    self.connection = None
        """
