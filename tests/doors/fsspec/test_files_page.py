"""The programs of docs/files.md, and those that want a file: ffmpeg and GDAL."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import warnings
import wave

import imageio_ffmpeg
import pyarrow
import pyarrow.parquet
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from assetstore import open_store
from counted import STORES, counted
from pages import ROOT, Reader, blocks_of

PAGE = ROOT / "docs" / "files.md"
PRINTED = {"picture.py": "(40, 30)\n", "table.py": "3\n", "sound.py": ""}


@pytest.fixture(scope="module", params=STORES)
def counting(request, tmp_path_factory):
    """Return each store."""
    with counted(request.param, tmp_path_factory.mktemp("store"), lambda: request.getfixturevalue("seaweedfs")) as made:
        yield made


def picture(kind: str) -> bytes:
    """Return a small picture."""
    file = io.BytesIO()
    Image.frombytes("RGB", (40, 30), random.Random(1).randbytes(3_600)).save(file, kind)
    return file.getvalue()


def sound() -> tuple[bytes, bytes]:
    """Return two seconds of noise as a WAV file, and its samples."""
    file, samples = io.BytesIO(), random.Random(1).randbytes(352_800)
    with wave.open(file, "wb") as written:
        written.setparams((2, 2, 44_100, 0, "NONE", ""))
        written.writeframes(samples)
    return file.getvalue(), samples


def test_each_program_of_the_page_runs(tmp_path):
    """A reader who writes the programs of the page gets what they are for."""
    reader = Reader(tmp_path)
    reader.read(PAGE)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    with open_store(f"file:{tmp_path}/assets") as store:
        store.upload(picture("png"), "keep.png")
        store.upload(sound()[0], "theme.wav")
        with store.writer("players.parquet") as file:
            pyarrow.parquet.write_table(pyarrow.table({"name": ["Ada", "Ben", "Cid"], "age": [1, 2, 3]}), file)
    assert set(PRINTED) == {words for language, words, _ in blocks_of(PAGE) if language == "python" and words}
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    for name, printed in PRINTED.items():
        command = [sys.executable, "-W", "error", name]
        environment = {**os.environ, "PATH": path, "ASSETSTORE_STORE": f"file:{tmp_path}/assets"}
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert (name, printed, 0) == (name, run.stdout, run.returncode), run.stderr
    assert b"fLaC" == (tmp_path / "theme.flac").read_bytes()[:4]


def test_ffmpeg_decodes_the_file_of_as_local(counting):
    """It finds the kind by suffix and bytes, and decodes every sample."""
    packed, samples = sound()
    counting.store.upload(packed, "theme.wav")
    with counting.store.as_local("theme.wav") as path:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, "-f", "s16le", "-"]
        assert samples == subprocess.run(command, capture_output=True, check=True, timeout=600).stdout


def test_gdal_reads_the_file_of_as_local(counting):
    """GDAL opens the path, and reads the pixels that Pillow wrote."""
    counting.store.upload(picture("tiff"), "maps/keep.tiff")
    with warnings.catch_warnings(), counting.store.as_local("maps/keep.tiff") as path:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as raster:
            assert (40, 30, 3) == (raster.width, raster.height, raster.count)
            assert Image.open(io.BytesIO(picture("tiff"))).getpixel((7, 5)) == tuple(raster.read()[:, 5, 7])
