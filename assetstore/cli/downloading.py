"""The command ``download``: writes assets to files or to stdout."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import click

from assetstore.bulk.folder import path_below
from assetstore.cli.completion import complete_files, complete_keys
from assetstore.cli.selection import Selected, Selector, selecting
from assetstore.cli.session import (
    Session,
    command,
    dry_run_option,
    keep_folders_option,
    max_concurrency_option,
    no_overwrite_option,
    no_resume_option,
    output_options,
    where,
)
from assetstore.cli.targets import refuse_meetings, refuse_other_store
from assetstore.cli.text import as_record, readable_size, shown
from assetstore.content.checkpoint import Resumed
from assetstore.errors import AlreadyExistsError, InvalidKeyError
from assetstore.keys import is_valid_key
from assetstore.results import AssetInfo
from assetstore.store import AssetStore


@attrs.define(eq=False, kw_only=True)
class Downloads:
    """The downloads of one command.

    Attributes:
        output: a folder, or the file for a single key.
        is_folder: whether ``output`` is a folder.
        overwrite: whether files may be replaced.
        max_concurrency: how many at once at most, or ``None``.
        resume: as for ``AssetStore.download``.
        dry_run: whether to report only what would be done.
    """

    session: Session
    store: AssetStore
    output: Path
    is_folder: bool
    overwrite: bool
    max_concurrency: int | None
    resume: bool | Resumed
    dry_run: bool

    def run(self, chosen: Sequence[Selected]) -> None:
        """Write the assets to their files, many at once, and report each in order."""
        if self.dry_run or not self.is_folder:
            for selected in chosen:
                with self._item(selected):
                    (self.make_folder if selected.is_folder else self.fetch)(selected)
            return
        wanted = ((selected.key, selected.relative) for selected in chosen if self._is_file(selected))
        with self.store.download_many(
            wanted,
            self.output,
            overwrite=self.overwrite,
            ordered=True,
            max_concurrency=self.max_concurrency,
            progress=self._advance,
            resume=self.resume,
        ) as results:
            for selected in chosen:
                with self._item(selected):
                    if self._is_file(selected):
                        info = next(results).result()
                        self._report(self._path(selected), info)
                    else:
                        self.make_folder(selected)

    @contextlib.contextmanager
    def _item(self, selected: Selected) -> Iterator[None]:
        assert self.session.bar is not None
        self.session.bar.label = shown(selected.relative)
        with self.session.item("download", selected.key, counts=not selected.is_folder):
            yield

    def _advance(self, count: int) -> None:
        assert self.session.bar is not None
        self.session.bar.advance(count)

    def _is_file(self, selected: Selected) -> bool:
        return not selected.is_folder and (selected.info is None or is_valid_key(selected.key))

    def fetch(self, selected: Selected) -> None:
        """Write one asset to its file.

        Raises:
            InvalidKeyError: its key does not make a path below the folder.
            AlreadyExistsError: the file exists and may not be replaced.
        """
        path = self._path(selected)
        if self.dry_run:
            if not self.overwrite and path.exists():
                hint = "use another folder, or name a file with -o"
                error = AlreadyExistsError(f"the file {str(path)!r} exists", hint=hint)
                error.op, error.key, error.store = "download", selected.key, self.store.name
                raise error
            self.session.count(selected.size)
            self.session.talk(self._line(f"would download {shown(selected.key)}", path))
            self._record(path, {"key": selected.key, "dry_run": True})
        else:
            info = self.store.download(
                selected.key, path, overwrite=self.overwrite, progress=self._advance, resume=self.resume
            )
            self._report(path, info)

    def _report(self, path: Path, info: AssetInfo) -> None:
        self.session.count(info.size)
        self.session.detail(self._line(f"downloaded {shown(info.key)}", path, f", {readable_size(info.size)}"))
        self._record(path, as_record(info))

    def make_folder(self, selected: Selected) -> None:
        """Make the folder that an asset marks.

        Raises:
            InvalidKeyError: its key does not make a path below the folder.
        """
        inside = selected.relative.rstrip("/")
        path = self._path(attrs.evolve(selected, relative=inside)) if inside else self.output
        if not self.dry_run:
            path.mkdir(parents=True, exist_ok=True)

    def _path(self, selected: Selected) -> Path:
        if not self.is_folder:
            return self.output
        try:
            if not is_valid_key(selected.key) and selected.info is not None:
                raise InvalidKeyError("the key is not valid and cannot be a path", hint="rename the asset at its source")
            return path_below(self.output, selected.relative)
        except InvalidKeyError as error:
            error.op, error.key, error.store = "download", selected.key, self.store.name
            raise

    def _line(self, done: str, path: Path, more: str = "") -> str:
        return f"{done} -> {shown(str(path))}{more}, from {where(self.store)}"

    def _record(self, path: Path, record: dict[str, object]) -> None:
        if self.session.as_json:
            self.session.record({"op": "download", "path": str(path), "store": self.store.name, **record})


@command("download",
    examples=(
        "assetstore download maps/keep.webp",
        "assetstore download maps/keep.webp -o keep.webp",
        "assetstore download 'maps/*.webp' -o maps/",
        "assetstore download -r maps/ -o backup/maps",
    ),
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    shell_complete=complete_files,
    help="A file for one key, a folder for several, or - for stdout.",
)
@selecting
@keep_folders_option
@no_overwrite_option
@max_concurrency_option
@no_resume_option
@dry_run_option
@output_options
def download_command(
    session: Session,
    keys: tuple[str, ...],
    output: str | None,
    selector: Selector,
    no_overwrite: bool,
    max_concurrency: int | None,
    no_resume: bool,
    dry_run: bool,
) -> None:
    """Download assets to files or to stdout.

    KEY is a key, a glob, or with -r a folder in the store. Files go to the working directory or to the folder that -o names,
    never outside it: a key that would lead out is refused. Each file appears whole and verified, or not at all.

    With -r the files keep their paths below the folder: maps/keep.webp of maps becomes keep.webp. It makes no difference
    whether KEY ends with /. --keep-folders begins with the folder's own name, maps/keep.webp. Two assets that would become
    one file are refused before anything is written.
    """
    store = session.open()
    if output == "-":
        _to_stdout(session, store, selector, keys, dry_run)
        return
    if output is not None and not selector.literal:
        refuse_other_store(output, store)
    single = selector.is_single(store, keys)
    target = Path(output or ".")
    is_folder = not single or output is None or output.endswith(("/", os.sep)) or target.is_dir()
    if is_folder and target.exists() and not target.is_dir():
        raise click.UsageError(f"-o must name a folder, and {shown(str(target))} is a file")
    downloads = Downloads(
        session=session,
        store=store,
        output=target,
        is_folder=is_folder,
        overwrite=not no_overwrite,
        max_concurrency=max_concurrency,
        resume=False if no_resume else session.resumed,
        dry_run=dry_run,
    )
    chosen = list(selector.select_all(store, keys))
    hint = "download them to folders of their own, or keep the names of folders by --keep-folders"
    refuse_meetings(store, ((selected.key, selected.relative) for selected in chosen), hint)
    end = f"to {shown(str(target))}, from {where(store)}"
    with (
        session.closing("download", "file", end, several=not single, no_overwrite=no_overwrite, dry_run=dry_run),
        session.working("downloading", _total(chosen)),
        session.resuming(),
    ):
        downloads.run(chosen)
    session.finish()


def _total(chosen: list[Selected]) -> int | None:
    """Return the bytes of all assets, or ``None`` if the size of one is unknown."""
    sizes = [selected.size for selected in chosen if selected.size is not None]
    return sum(sizes) if len(sizes) == len(chosen) else None


def _to_stdout(session: Session, store: AssetStore, selector: Selector, keys: tuple[str, ...], dry_run: bool) -> None:
    with session.working("downloading", None, data_on_stdout=True) as bar:
        for selected in selector.select_all(store, keys):
            if selected.is_folder:
                continue
            bar.label = shown(selected.relative)
            with session.item("download", selected.key):
                if dry_run:
                    session.talk(f"would download {shown(selected.key)} -> stdout, from {where(store)}")
                    continue
                with store.open(selected.key) as reader:
                    for chunk in reader.chunks():
                        session.raw(chunk)
                        bar.advance(len(chunk))
    session.flush()
    session.finish()
