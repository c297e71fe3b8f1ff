"""The command ``demo``: a tour of a store with a dozen sample assets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path

import attrs
import click

from assetstore.cli.browsing import described
from assetstore.cli.overviews import COLUMNS, stats_rows
from assetstore.cli.samples import make_samples
from assetstore.cli.session import Session, colourful, command, where
from assetstore.cli.streams import data_stream
from assetstore.cli.text import counted, plain, readable_size, shown
from assetstore.errors import IntegrityError, UnsupportedError
from assetstore.results import AssetInfo
from assetstore.store import AssetStore

STORE = "file:assets"


@attrs.define(eq=False)
class Demo:
    """Shows what a store can do.

    Attributes:
        session: prints the output.
        store: the store.
        samples: the bytes of the assets by file name.
        uploaded: the uploaded assets by file name.
    """

    session: Session
    store: AssetStore
    samples: Mapping[str, bytes] = attrs.field(factory=make_samples, repr=False)
    uploaded: dict[str, AssetInfo] = attrs.field(factory=dict)

    def run(self) -> None:
        """Take the tour."""
        self.upload()
        self.list()
        self.stat()
        self.presign()
        self.verify()
        self.delete()
        self.stats()
        self.leave()

    def upload(self) -> None:
        """Upload the samples under generated keys."""
        total = sum(map(len, self.samples.values()))
        self._title(f"Upload {len(self.samples)} sample assets, {readable_size(total)}")
        self._line(f"-> {where(self.store)}")
        for name, data in self.samples.items():
            info = self.uploaded[name] = self.store.upload(data, filename=name, metadata={"made-by": "assetstore demo"})
            self._line(f"{name:<13} -> {shown(info.key)}")

    def list(self) -> None:
        """List the samples, without other assets in the store."""
        self._title("List them")
        ours = {info.key for info in self.uploaded.values()}
        for folder, keys in groupby(sorted(ours), lambda key: key.partition("/")[0]):
            found = [info for info in self.store.list(_shared_beginning(list(keys))) if info.key in ours]
            size = readable_size(sum(info.size for info in found))
            self._line(f"{shown(folder) + '/':<11} {counted(len(found), 'asset'):<9} {size:>9}")

    def stat(self) -> None:
        """Show the details of one of them."""
        self._title("Show the details of one")
        for line in described(self.store.stat(self.uploaded["castle.png"].key)).splitlines():
            self._line(line)

    def presign(self) -> None:
        """Sign a link, or report that the store cannot."""
        self._title("Sign a link to it")
        try:
            request = self.store.presign(self.uploaded["castle.png"].key, expires=600)
        except UnsupportedError as error:
            self._line(f"this store cannot sign links: {plain(error.message)}")
        else:
            self._line(plain(request.url))
            served = f", while {self._serve()} runs" if self.store.can("application") else ""
            self._line(f"works for ten minutes for anyone who has it{served}")

    def verify(self) -> None:
        """Download each and compare it byte for byte.

        Raises:
            IntegrityError: one differs.
        """
        self._title("Download each and compare it byte for byte")
        with tempfile.TemporaryDirectory() as folder:
            for name, info in self.uploaded.items():
                path = Path(folder, name)
                self.store.download(info.key, path)
                if path.read_bytes() != self.samples[name]:
                    raise IntegrityError("the downloaded bytes differ", key=info.key, op="download", store=self.store.name)
        self._line(f"all {len(self.uploaded)} match")

    def delete(self) -> None:
        """Delete one."""
        key = self.uploaded.pop("castle.bmp").key
        self._title("Delete one")
        self.store.delete(key)
        self._line(f"{shown(key)} is {'still there' if self.store.exists(key) else 'gone'}")

    def stats(self) -> None:
        """Print the statistics."""
        self._title("Show the statistics")
        widths = (12, 6, 11, 7, 9)
        for row in ([*COLUMNS], *stats_rows(self.store.stats())):
            cells = [
                f"{cell:<{widths[0]}}" if column == 0 else f"{cell:>{widths[column]}}"
                for column, cell in enumerate(row)
            ]
            self._line("".join(cells))

    def leave(self) -> None:
        """Print how many assets are left, and what to try next."""
        store = shown(self.session.store_name or "")
        target = "./assets" if self.session.store_name == STORE else where(self.store)
        self._title(f"{counted(len(self.uploaded), 'asset')} are left in {target}; try these next:")
        if self.store.can("application"):
            self._line(self._serve())
        self._line(f"assetstore -s {store} list -r -l")
        self._line(f"assetstore -s {store} download {shown(self.uploaded['castle.png'].key)}")

    def _serve(self) -> str:
        return f"assetstore serve {shown(self.session.store_name or '')}"

    def _title(self, text: str) -> None:
        self.session.line("")
        self.session.line(click.style(text, bold=True) if colourful(data_stream()) else text)

    def _line(self, text: str) -> None:
        self.session.line(f"  {text}")


def _shared_beginning(keys: Sequence[str]) -> str:
    """Return the common beginning of sorted keys."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(keys[0], keys[-1], strict=False))
    return "".join(character for character, _ in pairs)


@command("demo")
def demo_command(session: Session) -> None:
    """Take a tour with a dozen sample assets.

    The assets go to the folder ./assets, or to the store that -s names. All but one stay there.
    """
    session.store_name = session.store_name or STORE
    began = time.perf_counter()
    store = session.open()
    Demo(session, store).run()
    session.line("")
    session.talk(f"done in {time.perf_counter() - began:.2f} seconds")
